-- How long entries are kept: what was set, from which entry on, and what is held
-- beyond its term. Neither is ever said to have been before what the ledger has.
create table retention (
	since  integer not null constraint retention_since primary key,
	months integer not null constraint retention_months check (months between 6 and 36),
	reason text    not null
) strict;
create trigger retention_is_new before insert on retention
when exists (select 1 from entry where number >= new.since)
begin select raise(abort, 'a setting cannot be backdated'); end;
create trigger retention_is_not_changed before update on retention
begin select raise(abort, 'a setting cannot be changed'); end;
create trigger retention_is_not_removed before delete on retention
begin select raise(abort, 'a setting cannot be removed'); end;

create table hold (
	number      integer not null constraint hold_number primary key,
	since       integer not null,
	until       integer constraint hold_ends check (until >= since),
	because     text    not null,
	placed_by   text    not null,
	approved_by text    not null constraint hold_of_two check (approved_by <> placed_by),
	released    integer
) strict;
create trigger hold_is_new before insert on hold
when new.released is not null or exists (select 1 from entry where number >= new.number)
begin select raise(abort, 'a hold cannot be backdated'); end;
create trigger hold_is_released_once before update on hold
when old.released is not null or new.released is null or exists (select 1 from entry where number >= new.released)
	or (new.number, new.since, new.until, new.because, new.placed_by, new.approved_by)
		is not (old.number, old.since, old.until, old.because, old.placed_by, old.approved_by)
begin select raise(abort, 'a hold is released once, and not changed'); end;
create trigger hold_is_not_removed before delete on hold
begin select raise(abort, 'a hold cannot be removed'); end;
