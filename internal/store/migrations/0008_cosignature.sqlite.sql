-- What witnesses put under checkpoints: a line of each.
create table cosignature (
	size    integer not null,
	witness text    not null,
	line    blob    not null,
	constraint cosignature_of primary key (size, witness)
) strict, without rowid;
