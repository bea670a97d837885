-- One durable row with everything that an entry and its payload hold, and nothing but a primary key.
create table bare_rows (
  like plain_entries,
  inputs        text,
  inputs_salt   bytea,
  outputs       text,
  outputs_salt  bytea,
  details       text,
  details_salt  bytea,
  primary key (log, seq)
);

grant insert on bare_rows to writer;
