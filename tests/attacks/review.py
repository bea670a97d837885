"""What an adversarial review of the design tried, and the tests that hold it off."""

from dataclasses import dataclass
from typing import Final

_DOOR: Final = "tests/database/test_door.py"
_GUARDS: Final = "tests/database/test_guards.py"
_RECORDERS: Final = "tests/database/test_recorders.py"
_PARTITIONS: Final = "tests/database/test_partitions.py"
_EARLY: Final = "tests/database/test_early_release.py"
_MIGRATIONS: Final = "tests/database/test_migrations.py"
_EMBEDDED: Final = "tests/database/test_embedded.py"
_TAMPERING: Final = "tests/database/test_tampering.py"
_LEDGER: Final = "tests/database/test_ledger.py"
_ATTACKS: Final = "tests/attacks/test_attacks.py"
_READING: Final = "tests/attacks/test_reading.py"
_POLICIES: Final = "tests/attacks/test_owner_policies.py"
_PEOPLE: Final = "tests/attacks/test_people.py"


@dataclass(frozen=True)
class Attack:
    """``tests`` hold it, each as a file and the functions in it; or ``open`` says why nothing does."""

    section: str
    tried: str
    tests: tuple[tuple[str, tuple[str, ...]], ...] = ()
    open: str | None = None


ATTACKS: Final = (
    Attack(
        "1.1",
        "a newline, or a whole forged line, between an event's tokens; spaces; keys out of order; 1e999",
        (
            (_DOOR, ("test_another_spelling_is_refused", "test_a_value_of_a_wrong_type_or_form_is_refused")),
            ("tests/database/test_fuzz_append.py", ("test_whatever_the_door_accepts_both_verifiers_accept",)),
        ),
    ),
    Attack("1.1", "a key twice, for parsers that disagree", ((_DOOR, ("test_another_spelling_is_refused",)),)),
    Attack(
        "1.1",
        "nesting that no reader survives, in the event or in a payload",
        ((_DOOR, ("test_a_nested_event_is_refused", "test_a_deep_payload_stops_nobody")),),
    ),
    Attack(
        "1.1",
        "a payload that does not match its commitment",
        ((_DOOR, ("test_a_payload_that_does_not_fit_is_refused",)),),
    ),
    Attack(
        "1.1",
        "payloads planted for numbers to come",
        (
            (
                _DOOR,
                (
                    "test_several_bodies_for_one_event_are_refused",
                    "test_arrays_of_different_lengths_are_refused",
                    "test_events_in_several_dimensions_are_refused",
                ),
            ),
        ),
    ),
    Attack(
        "1.1",
        "the log's own words (log.*) from a recorder",
        (
            (_RECORDERS, ("test_the_logs_own_words_stay_its_own",)),
            (_ATTACKS, ("test_the_installed_schema_withstands",)),
        ),
    ),
    Attack("1.1", "one id in two calls", ((_DOOR, ("test_an_id_is_recorded_once",)),)),
    Attack(
        "1.1",
        "a payload, such as one with \\u0000, that breaks the views for everybody",
        ((_GUARDS, ("test_views_bear_every_value_that_the_door_lets_in",)),),
    ),
    Attack(
        "1.1",
        "a login or a log whose name would forge the line",
        (
            (
                _DOOR,
                (
                    "test_a_login_of_any_name_stands_in_the_line_as_it_is",
                    "test_a_login_that_reads_like_a_role_is_refused",
                    "test_an_origin_of_any_text_stands_in_the_line_as_it_is",
                ),
            ),
        ),
    ),
    Attack(
        "1.1",
        "a writer of one log records into another",
        (
            (_DOOR, ("test_a_log_that_is_not_granted_not_there_or_null_is_refused_alike",)),
            (_ATTACKS, ("test_the_installed_schema_withstands",)),
        ),
    ),
    Attack(
        "1.2",
        "another event under an id that is taken vanishes with a receipt",
        (
            (_LEDGER, ("test_the_same_id_for_another_event_is_a_conflict",)),
            (_DOOR, ("test_receipts_tell_recorded_from_conflict_and_present",)),
        ),
    ),
    Attack(
        "1.2",
        "an id again in a later partition",
        ((_PARTITIONS, ("test_sessions_and_ids_hold_over_the_boundary",)),),
    ),
    Attack(
        "1.3",
        "no partition is there when the first entry needs it; its making stops readers or writers",
        (
            (
                _PARTITIONS,
                (
                    "test_the_next_partition_comes_at_three_quarters",
                    "test_a_reader_with_an_open_transaction_holds_up_nothing",
                    "test_a_lock_that_is_in_the_way_puts_the_next_partition_off",
                    "test_each_log_has_partitions_of_its_own",
                ),
            ),
        ),
    ),
    Attack(
        "1.3",
        "a clock that jumps",
        (
            (
                _DOOR,
                (
                    "test_a_small_step_back_of_the_clock_is_levelled",
                    "test_a_large_step_back_of_the_clock_stays_visible",
                ),
            ),
        ),
    ),
    Attack("1.4", "two payloads for one entry", ((_TAMPERING, ("test_a_payload_planted_twice_is_found",)),)),
    Attack(
        "1.4",
        "dates of retention that move rows or stop appends: a class is told once, and what is due follows from it",
        (
            (
                "tests/database/test_retention_classes.py",
                (
                    "test_an_event_gets_the_class_of_its_type_domains_and_scope",
                    "test_a_floor_waits_for_its_start_and_then_counts_from_it",
                    "test_where_a_log_has_too_many_classes_the_scope_is_not_known",
                ),
            ),
        ),
    ),
    Attack(
        "1.4",
        "a partition that is dropped: with something held in it, or with everybody waiting for it",
        (
            (
                "tests/database/test_disposals_gone.py",
                (
                    "test_a_partition_in_which_something_is_left_stays",
                    "test_neither_readers_nor_appends_wait_for_a_drop",
                ),
            ),
        ),
    ),
    Attack(
        "1.4",
        "what is deleted and still in the files is said to be gone",
        (
            (
                "tests/database/test_disposals_gone.py",
                (
                    "test_what_is_deleted_is_gone_once_a_vacuum_took_it_out",
                    "test_while_somebody_still_sees_it_it_is_not_gone",
                ),
            ),
        ),
    ),
    Attack(
        "1.5",
        "the owner's policy is missing: look-ups that silently see nothing",
        (
            (
                _POLICIES,
                (
                    "test_every_table_has_one",
                    "test_without_it_the_functions_fail_and_do_not_misbehave",
                    "test_without_it_the_schema_calls_itself_too_old",
                ),
            ),
        ),
    ),
    Attack(
        "1.5",
        "the owner's policy is for INSERT alone: number 1 twice, an id twice",
        (
            (
                _POLICIES,
                (
                    "test_with_one_for_inserts_alone_nothing_is_recorded_wrong",
                    "test_with_one_for_inserts_alone_nothing_is_approved",
                    "test_with_one_for_inserts_alone_nobody_uses_anothers_recorder",
                ),
            ),
        ),
    ),
    Attack(
        "1.5",
        "a later partition has neither policies nor FORCE",
        (
            (_POLICIES, ("test_a_partition_that_append_attaches_has_forced_policies_and_none_of_its_own",)),
            (_PARTITIONS, ("test_a_new_partition_is_guarded_like_the_first",)),
        ),
    ),
    Attack(
        "1.6",
        "early release without its barrier, or a session that switches durability off",
        (
            (
                _EARLY,
                (
                    "test_without_the_barrier_the_outcome_is_unknown",
                    "test_a_barrier_for_an_event_that_is_gone_fails",
                    "test_a_receipt_is_durable_whatever_the_login_has_set",
                ),
            ),
            (
                "tests/faults/test_faults.py",
                ("test_control_who_does_not_wait_for_the_disk_loses_what_was_acknowledged",),
            ),
        ),
    ),
    Attack(
        "1.6",
        "a writer that appends and sleeps",
        (
            (
                _RECORDERS,
                (
                    "test_whoever_sits_on_the_lock_is_ended_by_ops",
                    "test_a_sitter_that_shares_the_row_with_others_is_found",
                ),
            ),
        ),
    ),
    Attack(
        "1.6",
        "a hold that comes while something is being destroyed; one lock for both, which appends never take",
        (
            (
                "tests/database/test_hold_races.py",
                (
                    "test_whichever_comes_first_nothing_held_goes",
                    "test_what_destroys_waits_for_a_hold_that_is_being_issued",
                    "test_a_hold_waits_for_what_destroys_and_says_what_had_gone",
                    "test_control_without_their_lock_a_hold_loses",
                ),
            ),
            ("tests/database/test_holds_door.py", ("test_a_hold_waits_for_whoever_destroys_and_for_nobody_else",)),
        ),
    ),
    Attack(
        "1.6",
        "an old snapshot (REPEATABLE READ) forks the log; writers side by side",
        (
            (
                _DOOR,
                (
                    "test_an_old_snapshot_does_not_fork_the_log",
                    "test_writers_side_by_side_neither_fork_nor_leave_gaps",
                ),
            ),
        ),
    ),
    Attack(
        "1.6",
        "the head row bloats: it is locked and never updated",
        ((_GUARDS, ("test_no_row_is_changed_or_removed",)),),
    ),
    Attack(
        "1.7",
        "a failover that loses acknowledged entries",
        (
            (
                "tests/database/test_failover.py",
                (
                    "test_with_a_synchronous_standby_nothing_acknowledged_is_lost",
                    "test_with_an_asynchronous_standby_the_recorder_says_what_was_lost",
                ),
            ),
        ),
    ),
    Attack("1.7", "a log goes on after a restore", open="incarnations are in the format; no command makes one yet"),
    Attack(
        "1.8",
        "guessing prompts and arguments from their hashes",
        (
            ("tests/unit/test_keyed.py", ("test_equal_values_match_only_under_one_key",)),
            ("tests/database/test_capture_model_calls.py", ("test_a_prompt_hash_is_there_with_a_key_only",)),
        ),
    ),
    Attack(
        "1.8",
        "showing inputs with outputs withheld",
        (("tests/unit/test_event.py", ("test_a_draft_gets_an_id_and_a_time_and_commits_to_its_parts",)),),
    ),
    Attack(
        "1.8",
        "a pseudonym that can be computed again after an erasure",
        (("tests/erasing/test_any_order.py", ("test_any_order",)),),
    ),
    Attack("1.9", "archives that expire with the lines in them", open="there are no archives yet"),
    Attack(
        "1.10",
        "reading with plain SQL and no ticket, by every shape of question",
        (
            (
                _READING,
                (
                    "test_without_a_ticket_no_question_is_answered",
                    "test_with_a_ticket_each_question_is_answered",
                    "test_operations_need_a_ticket_too",
                    "test_another_role_of_the_same_login_is_the_same_person",
                ),
            ),
        ),
    ),
    Attack(
        "1.10",
        "an empty answer, or which question fails, tells what is there",
        (
            (
                _READING,
                (
                    "test_nobody_learns_from_a_failure_what_is_there",
                    "test_a_key_that_is_not_there_fails_as_one_that_is",
                    "test_a_plan_from_before_is_asked_again",
                ),
            ),
        ),
    ),
    Attack(
        "1.10",
        "open, read, roll back; a savepoint; one message or one statement; another session",
        (
            (
                _READING,
                (
                    "test_open_read_and_roll_back_gives_nothing",
                    "test_a_savepoint_does_not_make_it_an_earlier_transaction",
                    "test_one_message_does_not_open_and_read",
                    "test_a_ticket_that_is_not_committed_opens_nothing_to_another_session",
                ),
            ),
        ),
    ),
    Attack(
        "1.10",
        "a ticket in a prepared transaction",
        (("tests/attacks/test_prepared_transactions.py", ("test_it_opens_nothing_until_it_is_committed",)),),
    ),
    Attack(
        "1.10",
        "a ticket that is expired, closed, another login's, or of another log",
        (
            (
                _READING,
                (
                    "test_an_expired_ticket_opens_nothing",
                    "test_a_ticket_expires_within_a_transaction_too",
                    "test_a_closed_ticket_opens_nothing",
                    "test_a_ticket_opens_nothing_to_another_login",
                    "test_a_ticket_opens_its_own_log",
                ),
            ),
        ),
    ),
    Attack(
        "1.10",
        "a grant that is revoked under an open ticket",
        (
            (
                _READING,
                (
                    "test_a_revoked_grant_ends_what_an_open_ticket_opens",
                    "test_leaving_the_group_ends_it_too",
                    "test_what_a_snapshot_shows_outlives_a_revocation_until_the_ticket_expires",
                ),
            ),
        ),
    ),
    Attack(
        "1.10",
        "more than the session that a ticket is for; an error that quotes the rest",
        (
            (
                _READING,
                (
                    "test_a_ticket_for_a_session_opens_that_session",
                    "test_no_condition_widens_it",
                    "test_no_error_quotes_what_the_ticket_does_not_open",
                ),
            ),
        ),
    ),
    Attack("1.10", "free search in payloads without an index", open="not promised: investigations search columns"),
    Attack(
        "1.11",
        "a login behind several roles or people",
        (
            (_DOOR, ("test_a_role_that_was_set_stands_beside_the_login",)),
            (_PEOPLE, ("test_no_login_becomes_another", "test_no_two_duties_share_a_group")),
            (_READING, ("test_a_login_in_two_groups_gets_no_ticket",)),
        ),
    ),
    Attack(
        "1.11",
        "a recorder names a principal that nobody authenticated",
        ((_PEOPLE, ("test_only_a_server_names_whom_it_records_for",)),),
    ),
    Attack(
        "1.11",
        "one login is both people",
        (
            (_ATTACKS, ("test_the_installed_schema_withstands",)),
            (
                _PEOPLE,
                (
                    "test_a_request_that_was_decided_or_withdrawn_is_not_confirmed",
                    "test_an_administrator_who_was_revoked_confirms_nothing",
                    "test_the_installing_role_does_not_confirm_beside_two_administrators",
                    "test_not_even_the_owner_decides_a_request_without_its_entry",
                    "test_a_decision_by_who_asked_is_refused_by_the_table_itself",
                ),
            ),
            ("tests/database/test_approval_door.py", ("test_one_login_for_request_and_decision_is_told",)),
        ),
    ),
    Attack(
        "1.12",
        "an installation by a role that may make roles and is no superuser",
        (
            (_MIGRATIONS, ("test_no_superuser_is_needed",)),
            ("tests/system/test_cli_database.py", ("test_init_needs_no_superuser",)),
        ),
    ),
    Attack(
        "1.12", "somebody stays a member of the owner", ((_GUARDS, ("test_the_owner_has_no_member_after_an_install",)),)
    ),
    Attack("1.12", "TEMP", ((_GUARDS, ("test_no_login_makes_or_grants_anything",)),)),
    Attack(
        "1.12",
        "lo_*, pg_advisory_*, pg_logical_emit_message",
        open="PUBLIC's in every database; only a superuser could revoke them: U07 to U09 above",
    ),
    Attack(
        "1.13",
        "the embedded server as root; other users of the machine; its network",
        (
            (
                _EMBEDDED,
                (
                    "test_root_is_refused_unless_permitted",
                    "test_as_root_the_server_runs_as_nobody_or_the_named_user",
                    "test_modes_of_folders_that_exist_stay_as_they_are",
                    "test_other_users_of_the_machine_are_refused",
                    "test_no_process_of_the_server_listens_on_tcp",
                    "test_data_of_another_major_version_is_refused_and_left_alone",
                ),
            ),
        ),
    ),
    Attack(
        "1.13",
        "an order of text that changes with the locale",
        ((_MIGRATIONS, ("test_lists_are_in_order_of_code_points_in_every_locale",)),),
    ),
    Attack(
        "1.14",
        "numbers of a recorder that are burnt, filled or claimed by another",
        (
            (
                _RECORDERS,
                (
                    "test_a_recorder_belongs_to_the_login_that_used_it_first",
                    "test_numbers_whose_outcome_is_unknown_are_declared",
                    "test_a_recorder_that_closes_says_how_many_numbers_it_used",
                    "test_what_a_recorder_says_of_itself_is_only_of_itself",
                ),
            ),
            (_LEDGER, ("test_a_forked_child_is_a_recorder_of_its_own",)),
        ),
    ),
    Attack("1.14", "a session's count starts again", ((_GUARDS, ("test_no_row_is_changed_or_removed",)),)),
    Attack(
        "1.14",
        "prompts recorded in full again and again",
        (("tests/database/test_capture_model_calls.py", ("test_a_message_is_stored_once_in_a_session",)),),
    ),
    Attack(
        "1.14",
        "a verification that streams one snapshot",
        ((_LEDGER, ("test_a_log_that_grows_while_it_is_verified_is_in_order",)),),
    ),
    Attack("1.14", "checkpoints and heartbeats that feed one another", open="there are no checkpoints yet"),
    Attack(
        "1.14",
        "imports in a circle, and parts that know too much",
        (("tests/unit/test_layers.py", ("test_a_layer_imports_only_what_it_may", "test_imports_make_no_circle")),),
    ),
)
