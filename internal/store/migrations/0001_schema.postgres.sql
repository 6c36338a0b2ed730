-- The whole schema on PostgreSQL. 0001_schema.sqlite.sql makes the same tables. Here
-- entries lie in a table for each month, and listening nodes are notified. What the
-- program's role may do with each table is said in postgres_rights.go. Times end in _us
-- and are microseconds since 1970 in UTC; a month is written 202603; text that is
-- compared or sorted is collated by its bytes.

-- seal, in each table that has it, is what tells a row that a node wrote from others: see
-- package seal. A row without it decides nothing; it is empty where there is no key.

-- The ledger

-- head is one row. Each turn MUST lock it before it reads or writes anything else, so
-- that turns of all nodes follow each other. next is the number of the next entry,
-- last_us the time of the last one, which MUST never go back. generation MUST advance
-- with each change of orders, roster or covers, so that nodes read them again: those
-- that listen are notified. An entry does not move it. tip is the seal of the newest row of
-- entries.
create table head (
	one        integer not null constraint head_is_one primary key check (one = 1),
	next       bigint  not null,
	last_us    bigint  not null,
	generation bigint  not null,
	tip        bytea   not null default '',
	inventory  bytea   not null default '',
	installed  bigint  not null default 0,
	seal       bytea   not null default ''
);
insert into head (one, next, last_us, generation) values (1, 0, 0, 0);
create function generation_is_told() returns trigger language plpgsql as $$
begin
	perform pg_notify('poterne_generation', '');
	return null;
end $$;
create trigger generation_is_told after update of generation on head
	for each row execute function generation_is_told();

-- turn is every disclosure, refusal and act: each row is consecutive entries, count of
-- them from the number first on, in the form of ledger.Turn, all of one month. Numbers
-- MUST be dense, from 0. previous is the seal of the row before. A row MUST never change, and goes only with its whole month. The
-- salts in it MUST never be published. There is no other index: what is searched in
-- entries is served by what can be dropped and made again. The owner makes the tables of
-- months, each with the same trigger against truncate; entries of a month without a table
-- lie in turn_other.
create table turn (
	first bigint  not null,
	month integer not null,
	count integer not null constraint turn_count check (count between 1 and 256),
	body  bytea   not null,
	previous bytea   not null default '',
	seal  bytea   not null default '',
	constraint turn_first primary key (first, month)
) partition by list (month);
alter table turn alter column body set storage external; -- salts do not compress
create table turn_other partition of turn default;
create function turn_stays() returns trigger language plpgsql as $$
begin
	raise exception 'an entry cannot be changed or removed';
end $$;
create trigger turn_is_not_changed before update or delete on turn
	for each row execute function turn_stays();
create trigger turn_is_not_emptied before truncate on turn
	for each statement execute function turn_stays();
create trigger turn_is_not_emptied before truncate on turn_other
	for each statement execute function turn_stays();

-- tile is the published tree over the entries. A tile's hashes MUST only grow.
create table tile (
	level    integer not null,
	position bigint  not null,
	hashes   bytea   not null,
	constraint tile_place primary key (level, position)
);

-- checkpoint is the signed notes over the first size entries. Every entry and tile
-- under a checkpoint MUST be there before it is. Those inside a dropped month go with
-- it, but for the last.
create table checkpoint (
	size bigint not null constraint checkpoint_size primary key,
	note bytea  not null
);

-- Months

-- period is the months in which entries were written: those from first up to the first
-- of the next period. dropped is the number of the entry that says that they were
-- dropped; until then all of them MUST be there.
create table period (
	month   integer not null constraint period_month primary key,
	first   bigint  not null,
	dropped bigint
);

-- condensed is what the tree publishes of a closed month's entries for ever: the
-- commitments of entries that follow each other from first on, 32 bytes each, which
-- say nothing about people. It MUST be complete before the month is dropped. Hashes
-- do not compress.
create table condensed (
	first       bigint not null constraint condensed_first primary key,
	commitments bytea  not null
);
alter table condensed alter commitments set storage external;

-- epoch is what tells the key under which people are hidden in a month's entries from
-- other keys. A node with another key, or without one, MUST be refused. Month 0 is the key of
-- pseudonyms, which is the same in all months.
create table epoch (
	month integer not null constraint epoch_month primary key,
	mark  bytea   not null check (length(mark) = 16)
);

-- The roster

-- organisation is the bodies whose staff use the services. quota is 0 where the configuration says
-- how many accounts it may have; set_by is the entry by which two people set it last, 0 when a
-- roster did.
create table organisation (
	id    text collate "C" not null constraint organisation_id primary key,
	siret text             not null,
	name  text collate "C" not null,
	mail  text              not null default '',
	quota bigint           not null default 0,
	until_us bigint,
	closed_us bigint,
	set_by bigint          not null default 0,
	seal  bytea            not null default ''
);

-- account is one member of staff in one organisation. One identity of an identity
-- provider MUST lead to one account. proposer is the account that proposed it, approver the
-- one that approved it, recoverer the one that last asked for it to be bound anew; empty when
-- none did. It gives rights until until_us, where that is
-- set, and unless closed_us is; none while waits, the entry of the roster that made it,
-- is not 0; none from review_us on, where that is set, until its managers confirm it.
-- trained_us is until when its certificate of awareness lasts.
create table account (
	id           text collate "C" not null constraint account_id primary key,
	organisation text collate "C" not null constraint account_organisation references organisation (id),
	role         text             not null,
	name         text collate "C" not null,
	issuer       text             not null,
	provider     text             not null,
	subject      text             not null,
	opened_us    bigint           not null,
	proposer     text collate "C" not null default '',
	approver     text collate "C" not null default '',
	recoverer    text collate "C" not null default '',
	mail         text              not null default '',
	until_us     bigint,
	closed_us    bigint,
	review_us    bigint,
	trained_us   bigint,
	waits        bigint           not null default 0,
	diverged     bigint           not null default 0,
	voucher      text collate "C" not null default '',
	vouched_us   bigint,
	erased_us    bigint,
	seal         bytea            not null default '',
	constraint account_identity unique (issuer, provider, subject)
);
create index account_mail on account (mail);

-- habilitation is the right of an account to use a service for a purpose, from one
-- moment until another, which MUST come later.
create table habilitation (
	account  text collate "C" not null constraint habilitation_account references account (id),
	service  text collate "C" not null,
	purpose  text collate "C" not null,
	from_us  bigint           not null,
	until_us bigint           not null,
	seal     bytea            not null default '',
	constraint habilitation_right primary key (account, service, purpose),
	constraint habilitation_ends check (until_us > from_us)
);

-- proposal is an account that was proposed and is not there yet, or was: number is the
-- entry that proposed it. rights is services and purposes, a line each. invitation is
-- the SHA-256 of the newest invitation's token, which MUST NOT be stored itself. ends_us is
-- when what it waits for must have come. identity, factor and acr are of who accepted. With
-- recovers it binds that account anew: second is the other who approved it, stop and
-- stop_later are the SHA-256 of the tokens that stop it.
create table proposal (
	number       bigint not null constraint proposal_number primary key,
	proposer     text collate "C" not null,
	organisation text collate "C" not null,
	role         text not null,
	name         text collate "C" not null,
	mail         text not null,
	rights       text not null,
	until_us     bigint not null,
	because      text not null,
	issuer       text not null,
	provider     text not null,
	subject      text not null,
	state        text not null constraint proposal_state check (state in ('proposed', 'invited', 'accepted', 'joined', 'declined', 'delayed')),
	approver     text collate "C" not null,
	invitation   bytea not null,
	known        bigint not null,
	made_us      bigint not null,
	ends_us      bigint not null,
	factor       text not null,
	acr          text not null,
	same_mail    bigint not null,
	account      text collate "C" not null,
	passkey      bytea            not null default '',
	recovers     text collate "C" not null,
	second       text collate "C" not null,
	stop         bytea not null,
	stop_later   bytea not null,
	seal         bytea not null default ''
);
create index proposal_state_of on proposal (state, organisation);

-- passkey is the public half of a key pair in the hands of whoever holds an account: none
-- while the invitation that it came with waits to be confirmed. It serves until it has
-- ended, and is never removed.
create table passkey (
	id          bytea not null constraint passkey_id primary key,
	account     text collate "C" not null,
	name        text collate "C" not null,
	public_key  bytea not null,
	transports  text not null,
	syncable    bigint not null,
	synced      bigint not null,
	counter     bigint not null,
	enrolled_us bigint not null,
	used_us     bigint,
	ended_us    bigint,
	seal        bytea not null default ''
);
create index passkey_account on passkey (account);

-- Facts and aliases

-- source is when each of the other systems was last heard.
create table source (
	name     text collate "C" not null constraint source_name primary key,
	heard_us bigint           not null,
	seal     bytea            not null default ''
);

-- fact is what a source says an account or an organisation has to do with a person,
-- and MUST name exactly one of the two. It holds from one moment up to another. author
-- is the account that typed it in the source; empty when none did. told is the entry by
-- which it was last told: a row that is told again as it was is another row. The key begins
-- with the person: what is asked is the facts about the people of an answer.
create table fact (
	person       bytea            not null check (length(person) = 16),
	source       text collate "C" not null,
	id           text collate "C" not null,
	kind         integer          not null,
	account      text collate "C",
	organisation text collate "C",
	from_us      bigint           not null,
	until_us     bigint           not null,
	author       text             not null,
	waits        bigint           not null default 0,
	told         bigint           not null default 0,
	seal         bytea            not null default '',
	constraint fact_of_person primary key (person, source, id),
	constraint fact_id unique (source, id),
	constraint fact_has_one_holder check ((account is null) <> (organisation is null))
);

create index fact_waits on fact (source, account) where waits <> 0;

-- came is how many people came to an account in a day, days since 1970, without a second
-- person. Rows of past days are removed.
create table came (
	account text collate "C" not null,
	day     bigint           not null,
	people  bigint           not null,
	seal    bytea            not null default '',
	constraint came_in_a_day primary key (account, day)
);

-- fact_change is whose facts each of the newest batches changed: the number of the
-- batch's entry, and the people, 16 bytes each. A batch MUST leave a row, so that nodes
-- read these people's facts again before they decide.
create table fact_change (
	number bigint not null constraint fact_change_number primary key,
	people bytea not null,
	seal   bytea not null default ''
);

-- cover is the time during which a substitute sees the people of an absent account, as
-- a source says that a manager declared it.
create table cover (
	source      text collate "C" not null,
	id          text collate "C" not null,
	absent      text             not null,
	substitute  text collate "C" not null,
	declared_by text             not null,
	from_us     bigint           not null,
	until_us    bigint           not null,
	told        bigint           not null default 0,
	seal        bytea            not null default '',
	constraint cover_id primary key (source, id)
);
create index cover_substitute on cover (substitute);

-- alias is the person that an identifier of another system leads to. Both are keyed
-- hashes: an identifier MUST NOT be stored. told_us is when it was last told.
create table alias (
	alias  bytea not null constraint alias_alias primary key check (length(alias) = 16),
	person bytea not null check (length(person) = 16),
	told_us bigint not null,
	seal   bytea not null default ''
);

-- Orders

-- standing_order is the containment in force, and what was. An order holds from the
-- turn that placed it until it ends or is lifted; it MUST be lifted once only, and not
-- changed otherwise. cause is the number of the entry that brought it about; 0 when
-- none is known. spares is the organisation whose people read already what is closed,
-- since_us when the source of a bypass was heard last.
create table standing_order (
	id        text collate "C" not null constraint standing_order_id primary key,
	effect    text             not null constraint standing_order_effect check (effect in ('narrowed', 'frozen', 'reduced', 'suspended', 'closed', 'bypassed', 'bypass-asked')),
	reach     text             not null check (reach in ('account', 'organisation', 'service', 'function', 'role', 'network', 'everything', 'source')),
	target    text             not null,
	placed_us bigint           not null,
	ends_us   bigint,
	since_us  bigint,
	placed_by text             not null,
	cause     bigint           not null default 0,
	because   text             not null,
	message_fr text            not null,
	message_en text            not null,
	spares    text             not null default '',
	lifted_us bigint,
	lifted_by text,
	seal      bytea not null default ''
);

-- order_line is what people proposed and ticked on the way to reopening: number is its
-- entry, and what a step of a reopening or a line of its checklist, about an order in
-- force or the one that a reopening began with. It MUST only be inserted.
create table order_line (
	number       bigint           not null constraint order_line_number primary key,
	order_id     text collate "C" not null,
	what         text             not null,
	spares       text             not null,
	by_account   text             not null,
	at_us        bigint           not null,
	because      text             not null,
	seal         bytea            not null default ''
);

create index order_line_order on order_line (order_id);

-- Sessions

-- session is the people who are signed in, and for a while those who were. Tokens and
-- the provider's names for a person and a session MUST be stored as SHA-256 only. A
-- change MUST count version up. why is the reason it ended, empty while it is open;
-- an ended session MUST NOT open again. hint is the ID token that signs out at the
-- provider, and MUST be emptied at the end. stepped_up_us is when the person last
-- proved to be there. Nodes that listen are notified when a session ends, so that none
-- remembers it as open.
create table session (
	key              bytea            not null constraint session_key primary key,
	id               text             not null constraint session_id unique,
	account          text collate "C" not null,
	organisation     text             not null,
	factor           text             not null,
	agent            bytea            not null,
	browser          bytea            not null,
	subject          bytea            not null default '',
	provider_session bytea            not null default '',
	started_us       bigint           not null,
	version          bigint           not null,
	current          bytea            not null,
	next             bytea            not null,
	previous         bytea            not null,
	seed             text             not null,
	rotated_us       bigint           not null,
	seen_us          bigint           not null,
	stepped_up_us    bigint,
	bound            text             not null default '',
	proven_us        bigint,
	hint             text             not null,
	why              text             not null,
	ended_us         bigint,
	seal             bytea not null default ''
);
create index session_account on session (account);
create index session_started on session (started_us);
create index session_subject on session (subject);
create trigger session_end_is_told after update of why on session
	for each row when (old.why = '' and new.why <> '') execute function generation_is_told();

-- person_session is the same of people of the register, who see who looked at their own file:
-- account is the person, in hexadecimal, and organisation their identifier, encrypted.
create table person_session (
	key              bytea            not null constraint person_session_key primary key,
	id               text             not null constraint person_session_id unique,
	account          text collate "C" not null,
	organisation     text             not null,
	factor           text             not null,
	agent            bytea            not null,
	browser          bytea            not null,
	subject          bytea            not null default '',
	provider_session bytea            not null default '',
	started_us       bigint           not null,
	version          bigint           not null,
	current          bytea            not null,
	next             bytea            not null,
	previous         bytea            not null,
	seed             text             not null,
	rotated_us       bigint           not null,
	seen_us          bigint           not null,
	stepped_up_us    bigint,
	bound            text             not null default '',
	proven_us        bigint,
	hint             text             not null,
	why              text             not null,
	ended_us         bigint,
	seal             bytea not null default ''
);
create index person_session_account on person_session (account);
create index person_session_started on person_session (started_us);
create index person_session_subject on person_session (subject);
create trigger person_session_end_is_told after update of why on person_session
	for each row when (old.why = '' and new.why <> '') execute function generation_is_told();

-- once is what MUST NOT serve twice: the states of sign-ins that came back with a
-- proof, and the provider's messages that a person has left. A mark MUST stay until
-- what it marks would not serve any more.
create table once (
	mark     bytea  not null constraint once_mark primary key,
	until_us bigint not null
);
create index once_until on once (until_us);

-- Retention

-- retention is how many months entries are kept, from the entry since on. A row MUST
-- NOT be backdated, changed or removed.
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
	if (select first + count from turn order by first desc limit 1) > new.since then
		raise exception 'a setting cannot be backdated';
	end if;
	return new;
end $$;
create trigger retention_is_new before insert or update or delete on retention
	for each row execute function retention_stays();

-- hold is the months, from since to until, that are kept beyond their term until they
-- are released. number and released are those of the entries that say so. Two accounts
-- place it. It MUST NOT be backdated or removed, and MUST be released once only.
create table hold (
	number      bigint           not null constraint hold_number primary key,
	since       integer          not null,
	until       integer          constraint hold_ends check (until >= since),
	because     text             not null,
	placed_by   text collate "C" not null,
	approved_by text collate "C" not null constraint hold_of_two check (approved_by <> placed_by),
	released    bigint
);
create function hold_stays() returns trigger language plpgsql as $$
begin
	if tg_op = 'INSERT' and (new.released is not null or (select first + count from turn order by first desc limit 1) > new.number) then
		raise exception 'a hold cannot be backdated';
	end if;
	if tg_op = 'DELETE' then
		raise exception 'a hold cannot be removed';
	end if;
	if tg_op = 'UPDATE' and (old.released is not null or new.released is null
		or (select first + count from turn order by first desc limit 1) > new.released
		or (new.number, new.since, new.until, new.because, new.placed_by, new.approved_by)
			is distinct from (old.number, old.since, old.until, old.because, old.placed_by, old.approved_by)) then
		raise exception 'a hold is released once, and not changed';
	end if;
	return new;
end $$;
create trigger hold_is_new before insert or update or delete on hold
	for each row execute function hold_stays();

-- Incidents

-- incident_line is the journals of incidents' files, which only grow: number is that of the
-- entry that has the line's digest, and file that of the entry that opened the file. body is
-- JSON.
create table incident_line (
	number   bigint           not null constraint incident_line_number primary key,
	file     bigint           not null,
	at_us    bigint           not null,
	author   text collate "C" not null,
	approver text collate "C" not null,
	what     text collate "C" not null,
	body     bytea            not null
);
create index incident_line_file on incident_line (file);
create function incident_line_stays() returns trigger language plpgsql as $$
begin
	if tg_op = 'INSERT' and (select first + count from turn order by first desc limit 1) > new.number then
		raise exception 'a line cannot be backdated';
	end if;
	if tg_op <> 'INSERT' then
		raise exception 'a line cannot be changed or removed';
	end if;
	return new;
end $$;
create trigger incident_line_is_new before insert or update or delete on incident_line
	for each row execute function incident_line_stays();

-- mailing is the lists of people who are told of incidents, in parts: list is the number of
-- the entry that had them named. people is encrypted under the seal key; it holds identifiers
-- of the register, which are kept nowhere else.
create table mailing (
	list   bigint not null,
	part   bigint not null,
	people bytea not null,
	constraint mailing_part primary key (list, part)
);

-- mailing_fate is what became of telling each of a part, a byte a person.
create table mailing_fate (
	list  bigint not null,
	part  bigint not null,
	fates bytea not null,
	seal  bytea not null,
	constraint mailing_fate_part primary key (list, part)
);

-- mailing_hold is which node tells the people of a list, until when.
create table mailing_hold (
	list     bigint not null constraint mailing_hold_list primary key,
	holder   text collate "C" not null,
	until_us bigint not null
);

-- letter_code is the codes of letters that were typed, and when first: which letter by its list
-- and place there.
create table letter_code (
	list     bigint  not null,
	part     integer not null,
	place    integer not null,
	typed_us bigint  not null,
	seal     bytea   not null default '',
	constraint letter_code_of primary key (list, part, place)
);

-- break_glass is one row: the access that is left when the identity provider is away. wrong is how
-- often the password was wrong of which sealed is the digest, since it was right or somebody
-- unlocked it. token is the SHA-256 of the session's, empty when there is none.
create table break_glass (
	one      integer not null constraint break_glass_is_one primary key check (one = 1),
	sealed   bytea not null,
	wrong    integer not null,
	session  text not null,
	token    bytea not null,
	until_us bigint,
	seal     bytea not null
);

-- right_request is a habilitation that somebody asked for: number is that of the entry that did.
-- first_by is who signed for it first; the second gives it. given_us is null while it waits,
-- dropped_us unless it was taken back or refused.
create table right_request (
	number     bigint not null constraint right_request_number primary key,
	account    text collate "C" not null,
	service    text collate "C" not null,
	purpose    text collate "C" not null,
	because    text not null,
	asked_us   bigint not null,
	first_by   text collate "C" not null,
	second_by  text collate "C" not null,
	given_us   bigint,
	dropped_us bigint,
	seal       bytea not null
);
create index right_request_asked on right_request (asked_us);

-- organisation_request is an organisation that somebody asked to add, to change or to close: number
-- is that of the entry that did. before is the digest of the row that it is about, which must not
-- have changed until another person allows it; former is the address of its head as it was.
create table organisation_request (
	number      bigint not null constraint organisation_request_number primary key,
	asked_by    text collate "C" not null,
	does        text collate "C" not null,
	id          text collate "C" not null,
	siret       text collate "C" not null,
	name        text collate "C" not null,
	mail        text collate "C" not null,
	quota       bigint not null,
	until_us    bigint,
	because     text not null,
	before      bytea not null,
	former      text collate "C" not null,
	asked_us    bigint not null,
	approved_by text collate "C" not null,
	allowed_us  bigint,
	dropped_us  bigint,
	seal        bytea not null
);
create index organisation_request_asked on organisation_request (asked_us);

-- configuration is one that a node found in its file where two people allow each change: number is
-- that of the entry that found it. text is what decides of it, which nodes go by once head.installed
-- names it; base is the one that they went by when it was found.
create table configuration (
	number      bigint not null constraint configuration_number primary key,
	node        text collate "C" not null,
	text        text not null,
	digest      bytea not null,
	by_two      bigint not null check (by_two in (0, 1)),
	base        bigint not null,
	found_us    bigint not null,
	signed_by   text collate "C" not null,
	because     text not null,
	signed_us   bigint,
	approved_by text collate "C" not null,
	allowed_us  bigint,
	dropped_us  bigint,
	seal        bytea not null
);
create index configuration_found on configuration (found_us);

-- field_category is what each category of fields means, which entries keep as a number: that and
-- the id never mean another thing. gone is one that the configuration does not declare any more.
-- entry is that which declared all of them last, and has their digest.
create table field_category (
	number    bigint not null constraint field_category_number primary key check (number between 1 and 24),
	id        text collate "C" not null constraint field_category_id unique,
	class     text collate "C" not null,
	confirmed bigint not null check (confirmed in (0, 1)),
	gone      bigint not null check (gone in (0, 1)),
	name_fr   text not null,
	name_en   text not null,
	yours_fr  text not null,
	yours_en  text not null,
	entry     bigint not null,
	said_us   bigint not null,
	seal      bytea not null
);

-- People

-- question is what people asked about a line that shows who looked at their file: number is
-- that of the entry that asked, line that of the entry asked about. organisation and account
-- are whose it was. It is answered once.
create table question (
	number       bigint not null constraint question_number primary key,
	line         bigint not null constraint question_line unique,
	person       bytea not null check (length(person) = 16),
	what         text collate "C" not null,
	organisation text collate "C" not null,
	account      text collate "C" not null,
	asked_us     bigint not null,
	answered_us  bigint,
	answered_by  text collate "C" not null,
	why          text collate "C" not null,
	words        text not null,
	seal         bytea not null default ''
);
create index question_person on question (person);
create index question_organisation on question (organisation);

-- withholding is lines that people are not told of, for an enquiry: what account was shown since
-- since_us, until until_us. number is that of the entry that asked for it. It withholds nothing
-- until approved_by is set, nor once stopped_us is.
create table withholding (
	number      bigint not null constraint withholding_number primary key,
	account     text collate "C" not null,
	since_us    bigint not null,
	until_us    bigint not null,
	because     text not null,
	asked_by    text collate "C" not null,
	approved_by text collate "C" not null,
	asked_us    bigint not null,
	stopped_us  bigint,
	stopped_by  text collate "C" not null,
	seal        bytea not null default ''
);

-- export_permit is an export that two people allow an account: number is that of the entry that
-- asked for it. It waits for the second person while given_us and dropped_us are null; once it is
-- given, the entry is what allows the export, and the row says who agreed on what.
create table export_permit (
	number      bigint not null constraint export_permit_number primary key,
	account     text collate "C" not null,
	service     text collate "C" not null,
	route       text collate "C" not null,
	people      bigint not null,
	until_us    bigint not null,
	purpose     text not null,
	list        bytea not null check (length(list) = 32),
	asked_by    text collate "C" not null,
	approved_by text collate "C" not null,
	asked_us    bigint not null,
	given_us    bigint,
	dropped_us  bigint,
	seal        bytea not null default ''
);

create index export_permit_of on export_permit (account);

-- export_list is who is on the list of an export permit: pseudonyms of 16 bytes, in order. The
-- permit exports them and nobody else; until_us is when it ends.
create table export_list (
	permit   bigint not null constraint export_list_permit primary key references export_permit (number),
	people   bytea not null check (length(people) > 0 and length(people) % 16 = 0),
	until_us bigint not null,
	seal     bytea not null default ''
);

-- archive_reading is a reading of what the archive keeps of one person: number is that of the entry
-- that asked for it. It waits for a second person while given_us and dropped_us are null, and is
-- read once.
create table archive_reading (
	number      bigint not null constraint archive_reading_number primary key,
	person      bytea not null check (length(person) = 16),
	because     text not null,
	asked_by    text collate "C" not null,
	approved_by text collate "C" not null,
	asked_us    bigint not null,
	given_us    bigint,
	read_us     bigint,
	dropped_us  bigint,
	seal        bytea not null default ''
);

-- contact_change is what a person asked their contact details to become: number is that of the
-- entry that asked it. hidden is the person's identifier, and the details before and after,
-- encrypted: nothing, once nothing can come of it any more. It takes effect once due_us is over,
-- which is set when both addresses were told. delivered is 0 while the register is still to be
-- told of the entry decided, which is 0 before there is one.
create table contact_change (
	number    bigint not null constraint contact_change_number primary key,
	person    bytea   not null check (length(person) = 16),
	hidden    bytea   not null,
	asked_us  bigint not null,
	due_us    bigint,
	state     text collate "C" not null check (state in ('asked', 'told', 'in-force', 'stopped', 'put-back', 'overtaken', 'untold')),
	since_us  bigint not null,
	decided   bigint not null,
	delivered bigint not null check (delivered in (0, 1)),
	seal      bytea   not null default ''
);
create index contact_change_person on contact_change (person);
create index contact_change_open on contact_change (number) where length(hidden) > 0;

-- mandate lets somebody read another person's page: number is that of the entry that asked for it.
-- representative is their civil status as a keyed hash; hidden is who both are and by which document,
-- encrypted: nothing, once it is forgotten. It shows nothing before approved_by and told_us are set,
-- nor after until_us or over_us.
create table mandate (
	number         bigint not null constraint mandate_number primary key,
	person         bytea not null check (length(person) = 16),
	representative bytea not null check (length(representative) = 16),
	kind           text collate "C" not null check (kind in ('guardianship', 'curatorship', 'parental-authority', 'power-of-attorney')),
	hidden         bytea not null,
	begins_us      bigint not null,
	until_us       bigint not null,
	asked_by       text collate "C" not null,
	approved_by    text collate "C" not null,
	asked_us       bigint not null,
	told_us        bigint,
	over_us        bigint,
	over_by        text collate "C" not null,
	seal           bytea not null default ''
);
create index mandate_person on mandate (person);
create index mandate_representative on mandate (representative);
create index mandate_asked on mandate (asked_by, asked_us);

-- mandate_look is each time that a representative was shown something: number is that of its entry.
create table mandate_look (
	number  bigint not null constraint mandate_look_number primary key,
	mandate bigint not null,
	at_us   bigint not null,
	what    text collate "C" not null check (what in ('page', 'files', 'line', 'asked')),
	seal    bytea not null default ''
);
create index mandate_look_of on mandate_look (mandate, number);

-- archived_key is the key of each person of whom something is archived until a month ends, such
-- as 204611, wrapped under that month's key, which is kept elsewhere. tag is the person, as a keyed
-- hash that nobody can make without that key.
create table archived_key (
	until   integer not null,
	tag     bytea not null check (length(tag) = 16),
	wrapped bytea not null check (length(wrapped) = 60),
	constraint archived_key_of primary key (until, tag)
);

-- archived is what was held of people and is kept apart, under their keys: what, and by which key
-- its table knew it.
create table archived (
	until integer not null,
	tag   bytea not null check (length(tag) = 16),
	what  text collate "C" not null,
	key   text collate "C" not null,
	box   bytea not null,
	constraint archived_of primary key (until, tag, what, key)
);

-- What follows from the ledger

-- inventory is what rows there are of parts of a table: see package stock. state is encrypted
-- under the seal key. number is that of the entry whose turn wrote it; the head has the digest of all
-- numbers. It does not compress.
create table inventory (
	what   text    not null,
	part   integer not null,
	number bigint  not null,
	state  bytea   not null,
	constraint inventory_of primary key (what, part)
);
alter table inventory alter state set storage external;

-- kept is parts of the state of what follows the ledger, whose it is, so that a start need
-- not read weeks of entries: each is what the entries before number come to. It is derived,
-- and may be dropped. state is encrypted under the seal key, and MUST fit the row of entries
-- that holds the last of them.
-- It does not compress.
create table kept (
	whose  text   not null,
	what   text   not null,
	number bigint not null,
	state  bytea  not null,
	constraint kept_what primary key (whose, what)
);
alter table kept alter state set storage external;

-- Witnesses

-- cosignature is the line of each witness under a checkpoint. It MUST NOT change: the
-- first line of a witness stays.
create table cosignature (
	size    bigint           not null,
	witness text collate "C" not null,
	line    bytea            not null,
	constraint cosignature_of primary key (size, witness)
);
