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

// AskGate asks the gate what is wrong with the services.
func AskGate(s Settings) error {
	wrong := &Complaints{}
	for _, service := range s.Services {
		gateComplaints(wrong, "service", service, s.Schemes, s.Reading, false)
	}
	return wrong.Err()
}
