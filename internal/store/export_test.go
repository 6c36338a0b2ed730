package store

// OpenSQLiteThrough opens SQLite through a driver that a test puts in its place.
var OpenSQLiteThrough = openSQLite
