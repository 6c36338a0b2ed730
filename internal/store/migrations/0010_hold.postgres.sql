-- How long entries are kept: what was set, from which entry on, and what is held
-- beyond its term. Neither is ever said to have been before what the ledger has.
create table retention (
	since  bigint  not null constraint retention_since primary key,
	months integer not null constraint retention_months check (months between 6 and 36),
	reason text    not null
);
create function retention_stays() returns trigger language plpgsql as $$
begin
	if tg_op <> 'INSERT' then
		raise exception 'a setting cannot be changed or removed';
	end if;
	if exists (select 1 from entry where number >= new.since) then
		raise exception 'a setting cannot be backdated';
	end if;
	return new;
end $$;
create trigger retention_is_new before insert or update or delete on retention
	for each row execute function retention_stays();

create table hold (
	number      bigint  not null constraint hold_number primary key,
	since       integer not null,
	until       integer constraint hold_ends check (until >= since),
	because     text    not null,
	placed_by   text    collate "C" not null,
	approved_by text    collate "C" not null constraint hold_of_two check (approved_by <> placed_by),
	released    bigint
);
create function hold_stays() returns trigger language plpgsql as $$
begin
	if tg_op = 'INSERT' and (new.released is not null or exists (select 1 from entry where number >= new.number)) then
		raise exception 'a hold cannot be backdated';
	end if;
	if tg_op = 'DELETE' then
		raise exception 'a hold cannot be removed';
	end if;
	if tg_op = 'UPDATE' and (old.released is not null or new.released is null
		or exists (select 1 from entry where number >= new.released)
		or (new.number, new.since, new.until, new.because, new.placed_by, new.approved_by)
			is distinct from (old.number, old.since, old.until, old.because, old.placed_by, old.approved_by)) then
		raise exception 'a hold is released once, and not changed';
	end if;
	return new;
end $$;
create trigger hold_is_new before insert or update or delete on hold
	for each row execute function hold_stays();
