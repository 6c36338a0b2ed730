-- An order names the entry that brought it about, an account who proposed it.
alter table standing_order add column cause bigint not null default 0;
alter table account add column proposer text collate "C" not null default '';
