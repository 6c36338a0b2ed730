-- Who may use what, until when; and what other systems say about people. Text
-- that is compared or sorted is collated by its bytes, as SQLite does.
create table organisation (
	id    text collate "C" not null constraint organisation_id primary key,
	siret text not null,
	name  text collate "C" not null
);

create table account (
	id           text collate "C" not null constraint account_id primary key,
	organisation text collate "C" not null constraint account_organisation references organisation (id),
	role         text   not null,
	name         text collate "C" not null,
	issuer       text   not null,
	provider     text   not null,
	subject      text   not null,
	opened_us    bigint not null,
	constraint account_identity unique (issuer, provider, subject)
);

create table habilitation (
	account  text collate "C" not null constraint habilitation_account references account (id),
	service  text collate "C" not null,
	purpose  text collate "C" not null,
	from_us  bigint not null,
	until_us bigint not null,
	constraint habilitation_right primary key (account, service, purpose),
	constraint habilitation_ends check (until_us > from_us)
);

create table source (
	name     text collate "C" not null constraint source_name primary key,
	heard_us bigint not null
);

-- Facts lie by person: what an answer asks is who has to do with these people.
create table fact (
	person       bytea   not null check (length(person) = 16),
	source       text collate "C" not null,
	id           text collate "C" not null,
	kind         integer not null,
	account      text collate "C",
	organisation text collate "C",
	from_us      bigint  not null,
	until_us     bigint  not null,
	author       text    not null,
	constraint fact_of_person primary key (person, source, id),
	constraint fact_id unique (source, id),
	constraint fact_has_one_holder check ((account is null) <> (organisation is null))
);

create table cover (
	source      text collate "C" not null,
	id          text collate "C" not null,
	absent      text   not null,
	substitute  text collate "C" not null,
	declared_by text   not null,
	from_us     bigint not null,
	until_us    bigint not null,
	constraint cover_id primary key (source, id)
);
create index cover_substitute on cover (substitute);

create table alias (
	alias  bytea not null constraint alias_alias primary key check (length(alias) = 16),
	person bytea not null check (length(person) = 16)
);
