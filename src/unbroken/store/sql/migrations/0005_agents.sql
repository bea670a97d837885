-- What each agent was last seen to use, so that a call with another prompt or model is noticed as it is recorded.

-- Per agent, version and template one row; '' stands for no version, and for calls that name no template. prompt is the
-- template's version or a keyed hash; seq is the model_call that the row was last changed by. A table for speed: the entries
-- are the truth.
create table unbroken.agents (
  log           integer not null,
  agent_id      text    not null collate "C",
  agent_version text    not null collate "C",
  template      text    not null collate "C",
  prompt        text    collate "C",
  model         text    collate "C",
  seq           bigint  not null,
  primary key (log, agent_id, agent_version, template)
);

