package portal_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"poterne/internal/fault"
	"poterne/internal/portal"
	"poterne/internal/portal/portaltest"
)

func TestTheLinkThatStopsARecoveryOnlyStopsAndTellsNothing(t *testing.T) {
	mux, tried := http.NewServeMux(), []string{}
	portaltest.NewStage().Pages.MountHalt(mux, func(_ context.Context, token string) error {
		if tried = append(tried, token); token == "right" {
			return nil
		}
		return fault.Errorf(fault.Absent, "no such recovery")
	})
	asked := func(method, token string) (status int, body string) {
		form := url.Values{"token": {token}}.Encode()
		r := httptest.NewRequest(method, portal.HaltPath+"?"+form, nil)
		if method == http.MethodPost {
			r = httptest.NewRequest(method, portal.HaltPath, strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, r)
		return answer.Code, answer.Body.String()
	}
	if status, page := asked(http.MethodGet, "right"); status != http.StatusOK || len(tried) != 0 || strings.Count(page, "right") != 1 {
		t.Errorf("following the link answers %d, tries %q, and holds the token %d times", status, tried, strings.Count(page, "right"))
	}
	rightStatus, right := asked(http.MethodPost, "right")
	wrongStatus, wrong := asked(http.MethodPost, "wrong")
	if rightStatus != http.StatusOK || wrongStatus != rightStatus || wrong != right {
		t.Errorf("a link that stops answers %d and one that stops nothing %d, or otherwise:\n%s\n%s", rightStatus, wrongStatus, right, wrong)
	}
	for range 200 { // whoever floods keeps nobody from stopping
		asked(http.MethodPost, "wrong")
	}
	if status, _ := asked(http.MethodPost, "right"); status != http.StatusOK || tried[len(tried)-1] != "right" {
		t.Errorf("after 200 tries the owner is answered %d", status)
	}
}
