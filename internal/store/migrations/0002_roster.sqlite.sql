-- Who may use what, until when; and what other systems say about people.
create table organisation (
	id    text not null constraint organisation_id primary key,
	siret text not null,
	name  text not null
) strict;

create table account (
	id           text not null constraint account_id primary key,
	organisation text not null constraint account_organisation references organisation (id),
	role         text not null,
	name         text not null,
	issuer       text not null,
	provider     text not null,
	subject      text not null,
	opened_us    integer not null,
	constraint account_identity unique (issuer, provider, subject)
) strict;

create table habilitation (
	account  text not null constraint habilitation_account references account (id),
	service  text not null,
	purpose  text not null,
	from_us  integer not null,
	until_us integer not null,
	constraint habilitation_right primary key (account, service, purpose),
	constraint habilitation_ends check (until_us > from_us)
) strict, without rowid;

create table source (
	name     text not null constraint source_name primary key,
	heard_us integer not null
) strict;

-- Facts lie by person: what an answer asks is who has to do with these people.
create table fact (
	person       blob not null check (length(person) = 16),
	source       text not null,
	id           text not null,
	kind         integer not null,
	account      text,
	organisation text,
	from_us      integer not null,
	until_us     integer not null,
	author       text not null,
	constraint fact_of_person primary key (person, source, id),
	constraint fact_id unique (source, id),
	constraint fact_has_one_holder check ((account is null) <> (organisation is null))
) strict, without rowid;

create table cover (
	source      text not null,
	id          text not null,
	absent      text not null,
	substitute  text not null,
	declared_by text not null,
	from_us     integer not null,
	until_us    integer not null,
	constraint cover_id primary key (source, id)
) strict, without rowid;
create index cover_substitute on cover (substitute);

create table alias (
	alias  blob not null constraint alias_alias primary key check (length(alias) = 16),
	person blob not null check (length(person) = 16)
) strict, without rowid;
