-- The whole schema on SQLite. 0001_schema.postgres.sql makes the same tables; what
-- differs is said there. Times end in _us and are microseconds since 1970 in UTC; a
-- month is written 202603; text is compared by its bytes.

-- seal, in each table that has it, is what tells a row that a node wrote from others: see
-- package seal. A row without it decides nothing; it is empty where there is no key.

-- The ledger

-- head is one row. Each turn MUST take it before it reads or writes anything else, so
-- that turns of all nodes follow each other. next is the number of the next entry,
-- last_us the time of the last one, which MUST never go back. generation MUST advance
-- with each change of orders, roster or covers, so that nodes read them again. tip is the
-- seal of the newest row of entries.
create table head (
	one        integer not null constraint head_is_one primary key check (one = 1),
	next       integer not null,
	last_us    integer not null,
	generation integer not null,
	tip        blob    not null default x'',
	inventory  blob    not null default x'',
	installed  integer not null default 0,
	seal       blob    not null default x''
) strict;
insert into head (one, next, last_us, generation) values (1, 0, 0, 0);

-- turn is every disclosure, refusal and act: each row is consecutive entries, count of
-- them from the number first on, in the form of ledger.Turn, all of one month. Numbers
-- MUST be dense, from 0. previous is the seal of the row before. A row MUST never change, and goes only with its whole month. The
-- salts in it MUST never be published. There is no other index: what is searched in
-- entries is served by what can be dropped and made again.
create table turn (
	first integer not null constraint turn_first primary key,
	count integer not null constraint turn_count check (count between 1 and 256),
	body  blob    not null,
	previous blob    not null default x'',
	seal  blob    not null default x''
) strict;

create trigger turn_is_not_changed before update on turn
begin select raise(abort, 'an entry cannot be changed'); end;
create trigger turn_is_not_replaced before insert on turn
when (select first + count from turn order by first desc limit 1) > new.first
begin select raise(abort, 'an entry cannot be replaced'); end;
create trigger turn_is_not_removed before delete on turn
begin select raise(abort, 'an entry cannot be removed'); end;

-- tile is the published tree over the entries. A tile's hashes MUST only grow.
create table tile (
	level    integer not null,
	position integer not null,
	hashes   blob    not null,
	constraint tile_place primary key (level, position)
) strict, without rowid;

-- checkpoint is the signed notes over the first size entries. Every entry and tile
-- under a checkpoint MUST be there before it is. Those inside a dropped month go with
-- it, but for the last.
create table checkpoint (
	size integer not null constraint checkpoint_size primary key,
	note blob    not null
) strict;

-- Months

-- period is the months in which entries were written: those from first up to the first
-- of the next period. dropped is the number of the entry that says that they were
-- dropped; until then all of them MUST be there.
create table period (
	month   integer not null constraint period_month primary key,
	first   integer not null,
	dropped integer
) strict;

-- condensed is what the tree publishes of a closed month's entries for ever: the
-- commitments of entries that follow each other from first on, 32 bytes each, which
-- say nothing about people. It MUST be complete before the month is dropped.
create table condensed (
	first       integer not null constraint condensed_first primary key,
	commitments blob    not null
) strict;

-- epoch is what tells the key under which people are hidden in a month's entries from
-- other keys. A node with another key, or without one, MUST be refused. Month 0 is the key of
-- pseudonyms, which is the same in all months.
create table epoch (
	month integer not null constraint epoch_month primary key,
	mark  blob    not null check (length(mark) = 16)
) strict;

-- The roster

-- organisation is the bodies whose staff use the services. quota is 0 where the configuration says
-- how many accounts it may have; set_by is the entry by which two people set it last, 0 when a
-- roster did.
create table organisation (
	id    text not null constraint organisation_id primary key,
	siret text not null,
	name  text not null,
	mail  text not null default '',
	quota integer not null default 0,
	until_us integer,
	closed_us integer,
	set_by integer not null default 0,
	seal  blob not null default x''
) strict;

-- account is one member of staff in one organisation. One identity of an identity
-- provider MUST lead to one account. proposer is the account that proposed it, approver the
-- one that approved it, recoverer the one that last asked for it to be bound anew; empty when
-- none did. It gives rights until until_us, where that is
-- set, and unless closed_us is; none while waits, the entry of the roster that made it,
-- is not 0; none from review_us on, where that is set, until its managers confirm it.
-- trained_us is until when its certificate of awareness lasts.
create table account (
	id           text    not null constraint account_id primary key,
	organisation text    not null constraint account_organisation references organisation (id),
	role         text    not null,
	name         text    not null,
	issuer       text    not null,
	provider     text    not null,
	subject      text    not null,
	opened_us    integer not null,
	proposer     text    not null default '',
	approver     text    not null default '',
	recoverer    text    not null default '',
	mail         text    not null default '',
	until_us     integer,
	closed_us    integer,
	review_us    integer,
	trained_us   integer,
	waits        integer not null default 0,
	diverged     integer not null default 0,
	voucher      text    not null default '',
	vouched_us   integer,
	erased_us    integer,
	seal         blob    not null default x'',
	constraint account_identity unique (issuer, provider, subject)
) strict;
create index account_mail on account (mail);

-- habilitation is the right of an account to use a service for a purpose, from one
-- moment until another, which MUST come later.
create table habilitation (
	account  text    not null constraint habilitation_account references account (id),
	service  text    not null,
	purpose  text    not null,
	from_us  integer not null,
	until_us integer not null,
	seal     blob    not null default x'',
	constraint habilitation_right primary key (account, service, purpose),
	constraint habilitation_ends check (until_us > from_us)
) strict, without rowid;

-- proposal is an account that was proposed and is not there yet, or was: number is the
-- entry that proposed it. rights is services and purposes, a line each. invitation is
-- the SHA-256 of the newest invitation's token, which MUST NOT be stored itself. ends_us is
-- when what it waits for must have come. identity, factor and acr are of who accepted. With
-- recovers it binds that account anew: second is the other who approved it, stop and
-- stop_later are the SHA-256 of the tokens that stop it.
create table proposal (
	number       integer not null constraint proposal_number primary key,
	proposer     text not null,
	organisation text not null,
	role         text not null,
	name         text not null,
	mail         text not null,
	rights       text not null,
	until_us     integer not null,
	because      text not null,
	issuer       text not null,
	provider     text not null,
	subject      text not null,
	state        text not null constraint proposal_state check (state in ('proposed', 'invited', 'accepted', 'joined', 'declined', 'delayed')),
	approver     text not null,
	invitation   blob not null,
	known        integer not null,
	made_us      integer not null,
	ends_us      integer not null,
	factor       text not null,
	acr          text not null,
	same_mail    integer not null,
	account      text not null,
	passkey      blob not null default x'',
	recovers     text not null,
	second       text not null,
	stop         blob not null,
	stop_later   blob not null,
	seal         blob not null default x''
) strict;
create index proposal_state_of on proposal (state, organisation);

-- passkey is the public half of a key pair in the hands of whoever holds an account: none
-- while the invitation that it came with waits to be confirmed. It serves until it has
-- ended, and is never removed.
create table passkey (
	id          blob not null constraint passkey_id primary key,
	account     text not null,
	name        text not null,
	public_key  blob not null,
	transports  text not null,
	syncable    integer not null,
	synced      integer not null,
	counter     integer not null,
	enrolled_us integer not null,
	used_us     integer,
	ended_us    integer,
	seal        blob not null default x''
) strict;
create index passkey_account on passkey (account);

-- Facts and aliases

-- source is when each of the other systems was last heard.
create table source (
	name     text    not null constraint source_name primary key,
	heard_us integer not null,
	seal     blob    not null default x''
) strict;

-- fact is what a source says an account or an organisation has to do with a person,
-- and MUST name exactly one of the two. It holds from one moment up to another. author
-- is the account that typed it in the source; empty when none did. It holds nothing while
-- waits, the entry that brought it, is not 0: a second person has yet to admit it. told is the
-- entry by which it was last told: a row that is told again as it was is another row. Rows lie
-- by person: what is asked is the facts about the people of an answer.
create table fact (
	person       blob    not null check (length(person) = 16),
	source       text    not null,
	id           text    not null,
	kind         integer not null,
	account      text,
	organisation text,
	from_us      integer not null,
	until_us     integer not null,
	author       text    not null,
	waits        integer not null default 0,
	told         integer not null default 0,
	seal         blob    not null default x'',
	constraint fact_of_person primary key (person, source, id),
	constraint fact_id unique (source, id),
	constraint fact_has_one_holder check ((account is null) <> (organisation is null))
) strict, without rowid;

create index fact_waits on fact (source, account) where waits <> 0;

-- came is how many people came to an account in a day, days since 1970, without a second
-- person. Rows of past days are removed.
create table came (
	account text    not null,
	day     integer not null,
	people  integer not null,
	seal    blob    not null default x'',
	constraint came_in_a_day primary key (account, day)
) strict, without rowid;

-- fact_change is whose facts each of the newest batches changed: the number of the
-- batch's entry, and the people, 16 bytes each. A batch MUST leave a row, so that nodes
-- read these people's facts again before they decide.
create table fact_change (
	number integer not null constraint fact_change_number primary key,
	people blob not null,
	seal   blob not null default x''
) strict;

-- cover is the time during which a substitute sees the people of an absent account, as
-- a source says that a manager declared it.
create table cover (
	source      text    not null,
	id          text    not null,
	absent      text    not null,
	substitute  text    not null,
	declared_by text    not null,
	from_us     integer not null,
	until_us    integer not null,
	told        integer not null default 0,
	seal        blob    not null default x'',
	constraint cover_id primary key (source, id)
) strict, without rowid;
create index cover_substitute on cover (substitute);

-- alias is the person that an identifier of another system leads to. Both are keyed
-- hashes: an identifier MUST NOT be stored. told_us is when it was last told.
create table alias (
	alias  blob not null constraint alias_alias primary key check (length(alias) = 16),
	person blob not null check (length(person) = 16),
	told_us integer not null,
	seal   blob not null default x''
) strict, without rowid;

-- Orders

-- standing_order is the containment in force, and what was. An order holds from the
-- turn that placed it until it ends or is lifted; it MUST be lifted once only, and not
-- changed otherwise. cause is the number of the entry that brought it about; 0 when
-- none is known. spares is the organisation whose people read already what is closed,
-- since_us when the source of a bypass was heard last.
create table standing_order (
	id        text    not null constraint standing_order_id primary key,
	effect    text    not null constraint standing_order_effect check (effect in ('narrowed', 'frozen', 'reduced', 'suspended', 'closed', 'bypassed', 'bypass-asked')),
	reach     text    not null check (reach in ('account', 'organisation', 'service', 'function', 'role', 'network', 'everything', 'source')),
	target    text    not null,
	placed_us integer not null,
	ends_us   integer,
	since_us  integer,
	placed_by text    not null,
	cause     integer not null default 0,
	because   text    not null,
	message_fr text   not null,
	message_en text   not null,
	spares    text    not null default '',
	lifted_us integer,
	lifted_by text,
	seal      blob not null default x''
) strict;

-- order_line is what people proposed and ticked on the way to reopening: number is its
-- entry, and what a step of a reopening or a line of its checklist, about an order in
-- force or the one that a reopening began with. It MUST only be inserted.
create table order_line (
	number       integer not null constraint order_line_number primary key,
	order_id     text    not null,
	what         text    not null,
	spares       text    not null,
	by_account   text    not null,
	at_us        integer not null,
	because      text    not null,
	seal         blob    not null default x''
) strict;

create index order_line_order on order_line (order_id);

-- Sessions

-- session is the people who are signed in, and for a while those who were. Tokens and
-- the provider's names for a person and a session MUST be stored as SHA-256 only. A
-- change MUST count version up. why is the reason it ended, empty while it is open;
-- an ended session MUST NOT open again. hint is the ID token that signs out at the
-- provider, and MUST be emptied at the end. stepped_up_us is when the person last
-- proved to be there.
create table session (
	key              blob    not null constraint session_key primary key,
	id               text    not null constraint session_id unique,
	account          text    not null,
	organisation     text    not null,
	factor           text    not null,
	agent            blob    not null,
	browser          blob    not null,
	subject          blob    not null default x'',
	provider_session blob    not null default x'',
	started_us       integer not null,
	version          integer not null,
	current          blob    not null,
	next             blob    not null,
	previous         blob    not null,
	seed             text    not null,
	rotated_us       integer not null,
	seen_us          integer not null,
	stepped_up_us    integer,
	bound            text    not null default '',
	proven_us        integer,
	hint             text    not null,
	why              text    not null,
	ended_us         integer,
	seal             blob not null default x''
) strict, without rowid;
create index session_account on session (account);
create index session_started on session (started_us);
create index session_subject on session (subject);

-- person_session is the same of people of the register, who see who looked at their own file:
-- account is the person, in hexadecimal, and organisation their identifier, encrypted.
create table person_session (
	key              blob    not null constraint person_session_key primary key,
	id               text    not null constraint person_session_id unique,
	account          text    not null,
	organisation     text    not null,
	factor           text    not null,
	agent            blob    not null,
	browser          blob    not null,
	subject          blob    not null default x'',
	provider_session blob    not null default x'',
	started_us       integer not null,
	version          integer not null,
	current          blob    not null,
	next             blob    not null,
	previous         blob    not null,
	seed             text    not null,
	rotated_us       integer not null,
	seen_us          integer not null,
	stepped_up_us    integer,
	bound            text    not null default '',
	proven_us        integer,
	hint             text    not null,
	why              text    not null,
	ended_us         integer,
	seal             blob not null default x''
) strict, without rowid;
create index person_session_account on person_session (account);
create index person_session_started on person_session (started_us);
create index person_session_subject on person_session (subject);

-- once is what MUST NOT serve twice: the states of sign-ins that came back with a
-- proof, and the provider's messages that a person has left. A mark MUST stay until
-- what it marks would not serve any more.
create table once (
	mark     blob    not null constraint once_mark primary key,
	until_us integer not null
) strict, without rowid;
create index once_until on once (until_us);

-- Retention

-- retention is how many months entries are kept, from the entry since on. A row MUST
-- NOT be backdated, changed or removed.
create table retention (
	since  integer not null constraint retention_since primary key,
	months integer not null constraint retention_months check (months between 6 and 36),
	reason text    not null
) strict;
create trigger retention_is_new before insert on retention
when (select first + count from turn order by first desc limit 1) > new.since
begin select raise(abort, 'a setting cannot be backdated'); end;
create trigger retention_is_not_changed before update on retention
begin select raise(abort, 'a setting cannot be changed'); end;
create trigger retention_is_not_removed before delete on retention
begin select raise(abort, 'a setting cannot be removed'); end;

-- hold is the months, from since to until, that are kept beyond their term until they
-- are released. number and released are those of the entries that say so. Two accounts
-- place it. It MUST NOT be backdated or removed, and MUST be released once only.
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
when new.released is not null or (select first + count from turn order by first desc limit 1) > new.number
begin select raise(abort, 'a hold cannot be backdated'); end;
create trigger hold_is_released_once before update on hold
when old.released is not null or new.released is null or (select first + count from turn order by first desc limit 1) > new.released
	or (new.number, new.since, new.until, new.because, new.placed_by, new.approved_by)
		is not (old.number, old.since, old.until, old.because, old.placed_by, old.approved_by)
begin select raise(abort, 'a hold is released once, and not changed'); end;
create trigger hold_is_not_removed before delete on hold
begin select raise(abort, 'a hold cannot be removed'); end;

-- Incidents

-- incident_line is the journals of incidents' files, which only grow: number is that of the
-- entry that has the line's digest, and file that of the entry that opened the file. body is
-- JSON.
create table incident_line (
	number   integer not null constraint incident_line_number primary key,
	file     integer not null,
	at_us    integer not null,
	author   text    not null,
	approver text    not null,
	what     text    not null,
	body     blob    not null
) strict;
create index incident_line_file on incident_line (file);
create trigger incident_line_is_new before insert on incident_line
when (select first + count from turn order by first desc limit 1) > new.number
begin select raise(abort, 'a line cannot be backdated'); end;
create trigger incident_line_is_not_changed before update on incident_line
begin select raise(abort, 'a line cannot be changed'); end;
create trigger incident_line_is_not_removed before delete on incident_line
begin select raise(abort, 'a line cannot be removed'); end;

-- mailing is the lists of people who are told of incidents, in parts: list is the number of
-- the entry that had them named. people is encrypted under the seal key; it holds identifiers
-- of the register, which are kept nowhere else.
create table mailing (
	list   integer not null,
	part   integer not null,
	people blob not null,
	constraint mailing_part primary key (list, part)
) strict, without rowid;

-- mailing_fate is what became of telling each of a part, a byte a person.
create table mailing_fate (
	list  integer not null,
	part  integer not null,
	fates blob not null,
	seal  blob not null,
	constraint mailing_fate_part primary key (list, part)
) strict, without rowid;

-- mailing_hold is which node tells the people of a list, until when.
create table mailing_hold (
	list     integer not null constraint mailing_hold_list primary key,
	holder   text not null,
	until_us integer not null
) strict;

-- letter_code is the codes of letters that were typed, and when first: which letter by its list
-- and place there.
create table letter_code (
	list     integer not null,
	part     integer not null,
	place    integer not null,
	typed_us integer not null,
	seal     blob    not null default x'',
	constraint letter_code_of primary key (list, part, place)
) strict, without rowid;

-- break_glass is one row: the access that is left when the identity provider is away. wrong is how
-- often the password was wrong of which sealed is the digest, since it was right or somebody
-- unlocked it. token is the SHA-256 of the session's, empty when there is none.
create table break_glass (
	one      integer not null constraint break_glass_is_one primary key check (one = 1),
	sealed   blob not null,
	wrong    integer not null,
	session  text not null,
	token    blob not null,
	until_us integer,
	seal     blob not null
) strict;

-- right_request is a habilitation that somebody asked for: number is that of the entry that did.
-- first_by is who signed for it first; the second gives it. given_us is null while it waits,
-- dropped_us unless it was taken back or refused.
create table right_request (
	number     integer not null constraint right_request_number primary key,
	account    text not null,
	service    text not null,
	purpose    text not null,
	because    text not null,
	asked_us   integer not null,
	first_by   text not null,
	second_by  text not null,
	given_us   integer,
	dropped_us integer,
	seal       blob not null
) strict;
create index right_request_asked on right_request (asked_us);

-- organisation_request is an organisation that somebody asked to add, to change or to close: number
-- is that of the entry that did. before is the digest of the row that it is about, which must not
-- have changed until another person allows it; former is the address of its head as it was.
create table organisation_request (
	number      integer not null constraint organisation_request_number primary key,
	asked_by    text not null,
	does        text not null,
	id          text not null,
	siret       text not null,
	name        text not null,
	mail        text not null,
	quota       integer not null,
	until_us    integer,
	because     text not null,
	before      blob not null,
	former      text not null,
	asked_us    integer not null,
	approved_by text not null,
	allowed_us  integer,
	dropped_us  integer,
	seal        blob not null
) strict;
create index organisation_request_asked on organisation_request (asked_us);

-- configuration is one that a node found in its file where two people allow each change: number is
-- that of the entry that found it. text is what decides of it, which nodes go by once head.installed
-- names it; base is the one that they went by when it was found.
create table configuration (
	number      integer not null constraint configuration_number primary key,
	node        text not null,
	text        text not null,
	digest      blob not null,
	by_two      integer not null check (by_two in (0, 1)),
	base        integer not null,
	found_us    integer not null,
	signed_by   text not null,
	because     text not null,
	signed_us   integer,
	approved_by text not null,
	allowed_us  integer,
	dropped_us  integer,
	seal        blob not null
) strict;
create index configuration_found on configuration (found_us);

-- field_category is what each category of fields means, which entries keep as a number: that and
-- the id never mean another thing. gone is one that the configuration does not declare any more.
-- entry is that which declared all of them last, and has their digest.
create table field_category (
	number    integer not null constraint field_category_number primary key check (number between 1 and 24),
	id        text not null constraint field_category_id unique,
	class     text not null,
	confirmed integer not null check (confirmed in (0, 1)),
	gone      integer not null check (gone in (0, 1)),
	name_fr   text not null,
	name_en   text not null,
	yours_fr  text not null,
	yours_en  text not null,
	entry     integer not null,
	said_us   integer not null,
	seal      blob not null
) strict;

-- People

-- question is what people asked about a line that shows who looked at their file: number is
-- that of the entry that asked, line that of the entry asked about. organisation and account
-- are whose it was. It is answered once.
create table question (
	number       integer not null constraint question_number primary key,
	line         integer not null constraint question_line unique,
	person       blob not null check (length(person) = 16),
	what         text not null,
	organisation text not null,
	account      text not null,
	asked_us     integer not null,
	answered_us  integer,
	answered_by  text not null,
	why          text not null,
	words        text not null,
	seal         blob not null default x''
) strict;
create index question_person on question (person);
create index question_organisation on question (organisation);

-- withholding is lines that people are not told of, for an enquiry: what account was shown since
-- since_us, until until_us. number is that of the entry that asked for it. It withholds nothing
-- until approved_by is set, nor once stopped_us is.
create table withholding (
	number      integer not null constraint withholding_number primary key,
	account     text not null,
	since_us    integer not null,
	until_us    integer not null,
	because     text not null,
	asked_by    text not null,
	approved_by text not null,
	asked_us    integer not null,
	stopped_us  integer,
	stopped_by  text not null,
	seal        blob not null default x''
) strict;

-- export_permit is an export that two people allow an account: number is that of the entry that
-- asked for it. It waits for the second person while given_us and dropped_us are null; once it is
-- given, the entry is what allows the export, and the row says who agreed on what.
create table export_permit (
	number      integer not null constraint export_permit_number primary key,
	account     text not null,
	service     text not null,
	route       text not null,
	people      integer not null,
	until_us    integer not null,
	purpose     text not null,
	list        blob not null check (length(list) = 32),
	asked_by    text not null,
	approved_by text not null,
	asked_us    integer not null,
	given_us    integer,
	dropped_us  integer,
	seal        blob not null default x''
) strict;

create index export_permit_of on export_permit (account);

-- export_list is who is on the list of an export permit: pseudonyms of 16 bytes, in order. The
-- permit exports them and nobody else; until_us is when it ends.
create table export_list (
	permit   integer not null constraint export_list_permit primary key references export_permit (number),
	people   blob not null check (length(people) > 0 and length(people) % 16 = 0),
	until_us integer not null,
	seal     blob not null default x''
) strict;

-- archive_reading is a reading of what the archive keeps of one person: number is that of the entry
-- that asked for it. It waits for a second person while given_us and dropped_us are null, and is
-- read once.
create table archive_reading (
	number      integer not null constraint archive_reading_number primary key,
	person      blob not null check (length(person) = 16),
	because     text not null,
	asked_by    text not null,
	approved_by text not null,
	asked_us    integer not null,
	given_us    integer,
	read_us     integer,
	dropped_us  integer,
	seal        blob not null default x''
) strict;

-- contact_change is what a person asked their contact details to become: number is that of the
-- entry that asked it. hidden is the person's identifier, and the details before and after,
-- encrypted: nothing, once nothing can come of it any more. It takes effect once due_us is over,
-- which is set when both addresses were told. delivered is 0 while the register is still to be
-- told of the entry decided, which is 0 before there is one.
create table contact_change (
	number    integer not null constraint contact_change_number primary key,
	person    blob    not null check (length(person) = 16),
	hidden    blob    not null,
	asked_us  integer not null,
	due_us    integer,
	state     text    not null check (state in ('asked', 'told', 'in-force', 'stopped', 'put-back', 'overtaken', 'untold')),
	since_us  integer not null,
	decided   integer not null,
	delivered integer not null check (delivered in (0, 1)),
	seal      blob    not null default x''
) strict;
create index contact_change_person on contact_change (person);
create index contact_change_open on contact_change (number) where length(hidden) > 0;

-- mandate lets somebody read another person's page: number is that of the entry that asked for it.
-- representative is their civil status as a keyed hash; hidden is who both are and by which document,
-- encrypted: nothing, once it is forgotten. It shows nothing before approved_by and told_us are set,
-- nor after until_us or over_us.
create table mandate (
	number         integer not null constraint mandate_number primary key,
	person         blob not null check (length(person) = 16),
	representative blob not null check (length(representative) = 16),
	kind           text not null check (kind in ('guardianship', 'curatorship', 'parental-authority', 'power-of-attorney')),
	hidden         blob not null,
	begins_us      integer not null,
	until_us       integer not null,
	asked_by       text not null,
	approved_by    text not null,
	asked_us       integer not null,
	told_us        integer,
	over_us        integer,
	over_by        text not null,
	seal           blob not null default x''
) strict;
create index mandate_person on mandate (person);
create index mandate_representative on mandate (representative);
create index mandate_asked on mandate (asked_by, asked_us);

-- mandate_look is each time that a representative was shown something: number is that of its entry.
create table mandate_look (
	number  integer not null constraint mandate_look_number primary key,
	mandate integer not null,
	at_us   integer not null,
	what    text not null check (what in ('page', 'files', 'line', 'asked')),
	seal    blob not null default x''
) strict;
create index mandate_look_of on mandate_look (mandate, number);

-- archived_key is the key of each person of whom something is archived until a month ends, such
-- as 204611, wrapped under that month's key, which is kept elsewhere. tag is the person, as a keyed
-- hash that nobody can make without that key.
create table archived_key (
	until   integer not null,
	tag     blob not null check (length(tag) = 16),
	wrapped blob not null check (length(wrapped) = 60),
	constraint archived_key_of primary key (until, tag)
) strict, without rowid;

-- archived is what was held of people and is kept apart, under their keys: what, and by which key
-- its table knew it.
create table archived (
	until integer not null,
	tag   blob not null check (length(tag) = 16),
	what  text not null,
	key   text not null,
	box   blob not null,
	constraint archived_of primary key (until, tag, what, key)
) strict, without rowid;

-- What follows from the ledger

-- inventory is what rows there are of parts of a table: see package stock. state is encrypted
-- under the seal key. number is that of the entry whose turn wrote it; the head has the digest of all
-- numbers. It does not compress.
create table inventory (
	what   text    not null,
	part   integer not null,
	number integer not null,
	state  blob    not null,
	constraint inventory_of primary key (what, part)
) strict;

-- kept is parts of the state of what follows the ledger, whose it is, so that a start need
-- not read weeks of entries: each is what the entries before number come to. It is derived,
-- and may be dropped. state is encrypted under the seal key, and MUST fit the row of entries
-- that holds the last of them.
create table kept (
	whose  text    not null,
	what   text    not null,
	number integer not null,
	state  blob    not null,
	constraint kept_what primary key (whose, what)
) strict;

-- Witnesses

-- cosignature is the line of each witness under a checkpoint. It MUST NOT change: the
-- first line of a witness stays.
create table cosignature (
	size    integer not null,
	witness text    not null,
	line    blob    not null,
	constraint cosignature_of primary key (size, witness)
) strict, without rowid;
