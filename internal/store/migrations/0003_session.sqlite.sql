-- Who is signed in. Secrets are kept as SHA-256 only.
create table pending_signin (
	state     blob not null constraint pending_signin_state primary key,
	browser   blob not null,
	nonce     text not null,
	verifier  text not null,
	origin    text not null,
	return_to text not null,
	begun_us  integer not null
) strict, without rowid;
create index pending_signin_begun on pending_signin (begun_us);

create table session (
	key          blob not null constraint session_key primary key,
	id           text not null constraint session_id unique,
	account      text not null,
	organisation text not null,
	factor       text not null,
	agent        blob not null,
	browser      blob not null,
	started_us   integer not null,
	version      integer not null,
	current      blob not null,
	next         blob not null,
	previous     blob not null,
	seed         text not null,
	rotated_us   integer not null,
	seen_us      integer not null,
	hint         text not null,
	why          text not null,
	ended_us     integer
) strict, without rowid;
create index session_account on session (account);
create index session_started on session (started_us);
