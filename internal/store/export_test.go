package store

// OpenSQLiteThrough opens SQLite through a driver that a test puts in its place.
var OpenSQLiteThrough = openSQLite

// Rights is what the program may do with each table on PostgreSQL.
var Rights = rights
