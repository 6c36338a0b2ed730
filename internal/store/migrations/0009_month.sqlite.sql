-- The ledger's months. A period is the entries from first up to the next period's
-- first; dropped is the number of the entry that says that they were. Entries that
-- were here before count as of the month of the last of them.
create table period (
	month   integer not null constraint period_month primary key,
	first   integer not null,
	dropped integer
) strict;
insert into period (month, first)
	select cast(strftime('%Y%m', last_us / 1000000, 'unixepoch') as integer), 0 from head where next > 0;

-- What the tree has of a closed month's entries, 32 bytes of each, from the entry
-- first on: it is published for ever, and says nothing.
create table condensed (
	first       integer not null constraint condensed_first primary key,
	commitments blob not null
) strict;
