"""Recording without protection, for tests of other things, which look at what they gave."""

from functools import partial
from typing import Final

from unbroken.capture import chat, chat_import, trail
from unbroken.ledger import draft as drafting
from unbroken.ledger.protection import AS_GIVEN

Trail: Final = partial(trail.Trail, protection=AS_GIVEN)
draft: Final = partial(drafting.draft, protection=AS_GIVEN)
drafts_of: Final = partial(chat.drafts_of, protection=AS_GIVEN)
import_chat: Final = partial(chat_import.import_chat, protection=AS_GIVEN)
