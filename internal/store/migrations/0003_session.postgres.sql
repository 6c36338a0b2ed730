-- Who is signed in. Secrets are kept as SHA-256 only.
create table pending_signin (
	state     bytea  not null constraint pending_signin_state primary key,
	browser   bytea  not null,
	nonce     text   not null,
	verifier  text   not null,
	origin    text   not null,
	return_to text   not null,
	begun_us  bigint not null
);
create index pending_signin_begun on pending_signin (begun_us);

create table session (
	key          bytea  not null constraint session_key primary key,
	id           text   not null constraint session_id unique,
	account      text collate "C" not null,
	organisation text   not null,
	factor       text   not null,
	agent        bytea  not null,
	browser      bytea  not null,
	started_us   bigint not null,
	version      bigint not null,
	current      bytea  not null,
	next         bytea  not null,
	previous     bytea  not null,
	seed         text   not null,
	rotated_us   bigint not null,
	seen_us      bigint not null,
	hint         text   not null,
	why          text   not null,
	ended_us     bigint
);
create index session_account on session (account);
create index session_started on session (started_us);
