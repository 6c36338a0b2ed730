-- The ledger's months. A period is the entries from first up to the next period's
-- first; dropped is the number of the entry that says that they were. Entries that
-- were here before count as of the month of the last of them.
create table period (
	month   integer not null constraint period_month primary key,
	first   bigint  not null,
	dropped bigint
);
insert into period (month, first)
	select to_char(to_timestamp(last_us / 1000000) at time zone 'UTC', 'YYYYMM')::integer, 0 from head where next > 0;

-- What the tree has of a closed month's entries, 32 bytes of each, from the entry
-- first on: it is published for ever, and says nothing.
create table condensed (
	first       bigint not null constraint condensed_first primary key,
	commitments bytea  not null
);
alter table condensed alter commitments set storage external;

-- The entries of each month lie in a table of their own, which can be dropped as a
-- whole; those of a month that nobody made one for lie in entry_other.
alter table entry rename to entry_before;
alter table entry_before drop constraint entry_number;
alter table entry_before rename constraint entry_salt_check to entry_salt;
drop trigger entry_is_not_changed on entry_before;
drop trigger entry_is_not_emptied on entry_before;
create table entry (
	number bigint  not null,
	month  integer not null,
	salt   bytea   not null constraint entry_salt check (length(salt) = 16),
	body   bytea   not null,
	constraint entry_number primary key (number, month)
) partition by list (month);
create trigger entry_is_not_changed before update or delete on entry
	for each row execute function entry_stays();
create trigger entry_is_not_emptied before truncate on entry
	for each statement execute function entry_stays();
create table entry_other partition of entry default;
create trigger entry_is_not_emptied before truncate on entry_other
	for each statement execute function entry_stays();

-- What was here becomes the table of its month, and is not copied.
do $$
declare
	before integer := (select month from period);
begin
	if before is null then
		drop table entry_before;
	else
		execute format('alter table entry_before add column month integer not null default %s', before);
		alter table entry_before alter month drop default;
		execute format('alter table entry_before rename to entry_%s', before);
		execute format('alter table entry attach partition entry_%s for values in (%1$s)', before);
		execute format('create trigger entry_is_not_emptied before truncate on entry_%s for each statement execute function entry_stays()', before);
	end if;
end $$;
