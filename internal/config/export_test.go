package config

type (
	File            = config
	AllowancesTable = allowancesTable
	WatchesTable    = watchesTable
)

var (
	Index      = index
	Join       = join
	Observable = observable
)
