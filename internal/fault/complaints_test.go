package fault_test

import (
	"errors"
	"testing"

	"poterne/internal/fault"
)

func TestComplaintsAreTakenOverWithTheirPlace(t *testing.T) {
	var route, service fault.Complaints
	service.In("route[0]", route.Err())
	if service.Err() != nil {
		t.Error("nothing is wrong, and it is an error")
	}
	route.Add("takes", "%q is not a content type", "json")
	service.In("route[1]", route.Err())
	service.In("upstream", errors.New("not a URL"))
	service[0].Where = "poterne.toml:7"
	if got, want := service.Err().Error(), "poterne.toml:7: route[1].takes: \"json\" is not a content type\nupstream: not a URL"; got != want {
		t.Errorf("they read\n%s", got)
	}
	for path, want := range map[string]struct{ covers, about bool }{
		"upstream": {true, true}, "route[1]": {false, true}, "route[1].takes": {true, true}, "route[1].takes[0]": {true, true}, "route[1].takes[0].of": {true, true}, "route[1].takes[0].of.it": {false, true}, "route[1].taken": {}, "route[0]": {}, "route[10]": {},
	} {
		if service.Covers(path) != want.covers || service.About(path) != want.about {
			t.Errorf("%s: covered %v, complained about %v", path, service.Covers(path), service.About(path))
		}
	}
}
