package accounts

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"poterne/internal/fault"
	"poterne/internal/journal"
	"poterne/internal/ledger"
)

// RecordStorePrefix is the endpoint that a learning platform is given as its record store.
const RecordStorePrefix = "/.poterne/xapi/"

// RecordStoreKey is the user name that goes with the record store's secret: what learning
// platforms call the key.
const RecordStoreKey = "poterne"

// RecordStore takes in what a learning platform says as xAPI statements (IEEE 9274.1.1, and
// 1.0.3 before it): who passed the module of their role is certified, and everything else
// that a platform tells its record store is answered and dropped, so nothing of people's
// learning is kept here. A statement with its timestamp that comes twice changes nothing.
type RecordStore struct {
	Service
	Secret []byte // of the platform
	Origin string // ours: the home page of accounts that are named by their id
	Now    func() time.Time
	Log    *slog.Logger
}

// mostStatements bounds how many statements one request holds.
const mostStatements = 500

const versionHeader = "X-Experience-API-Version"

// versions are what a platform may speak.
var versions = regexp.MustCompile(`^(1\.0(\.[0-3])?|2\.0(\.0)?)$`)

// Mount serves what platforms ask of a record store: what it is, and statements by POST (one
// or a list) and PUT (one, whose id is in the address).
func (s *RecordStore) Mount(on *http.ServeMux) {
	on.HandleFunc("GET "+RecordStorePrefix+"about", s.about)
	on.HandleFunc("POST "+RecordStorePrefix+"statements", s.statements)
	on.HandleFunc("PUT "+RecordStorePrefix+"statements", s.statements)
}

// head begins every answer.
func head(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set(versionHeader, "1.0.3")
}

func (s *RecordStore) about(w http.ResponseWriter, _ *http.Request) {
	head(w)
	answer(w, map[string][]string{"version": {"1.0.3", "2.0.0"}})
}

func (s *RecordStore) statements(w http.ResponseWriter, r *http.Request) {
	head(w)
	if !s.knows(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="xAPI"`)
		http.Error(w, "not the platform's key and secret", http.StatusUnauthorized)
		return
	}
	if !versions.MatchString(r.Header.Get(versionHeader)) {
		http.Error(w, versionHeader+": not 1.0 to 1.0.3, and not 2.0.0", http.StatusBadRequest)
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, "not application/json; attachments are not taken in", http.StatusUnsupportedMediaType)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err != nil {
		http.Error(w, "too long", http.StatusRequestEntityTooLarge)
		return
	}
	said, err := readStatements(body)
	if err == nil && r.Method == http.MethodPut {
		said, err = put(said, r.URL.Query().Get("statementId"))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.take(r.Context(), said); err != nil {
		s.Log.ErrorContext(r.Context(), "certificates were not taken in", slog.Any("err", err))
		http.Error(w, "they could not be taken in; send the same again", http.StatusServiceUnavailable)
		return
	}
	if r.Method == http.MethodPut {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	ids := make([]string, len(said))
	for i, one := range said {
		ids[i] = one.ID
	}
	answer(w, ids)
}

func answer(w http.ResponseWriter, content any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(content) // to whoever has gone, nothing more is said
}

// knows reports whether a request carries the key and the secret of the platform.
func (s *RecordStore) knows(r *http.Request) bool {
	key, secret, said := r.BasicAuth()
	given, want := sha256.Sum256([]byte(secret)), sha256.Sum256(s.Secret)
	return said && key == RecordStoreKey && len(s.Secret) > 0 && subtle.ConstantTimeCompare(given[:], want[:]) == 1
}

// statement is what is read of an xAPI statement.
type statement struct {
	ID    string `json:"id"`
	Actor struct {
		Mbox    string `json:"mbox"`
		Account struct {
			HomePage string `json:"homePage"`
			Name     string `json:"name"`
		} `json:"account"`
	} `json:"actor"`
	Verb struct {
		ID string `json:"id"`
	} `json:"verb"`
	Object struct {
		ObjectType string `json:"objectType"`
		ID         string `json:"id"`
	} `json:"object"`
	Result struct {
		Success *bool `json:"success"`
	} `json:"result"`
	Timestamp time.Time `json:"timestamp"`
}

// readStatements reads one statement, or a list. Each gets an id if it has none.
func readStatements(body []byte) (list []statement, err error) {
	if text := strings.TrimSpace(string(body)); !strings.HasPrefix(text, "[") {
		body = fmt.Appendf(nil, "[%s]", text)
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fault.Errorf(fault.Invalid, "not an xAPI statement, and no list of them: %w", err)
	}
	if len(list) == 0 || len(list) > mostStatements {
		return nil, fault.Errorf(fault.Invalid, "%d statements; a request holds 1 to %d", len(list), mostStatements)
	}
	for i := range list {
		one := &list[i]
		if one.ID == "" {
			one.ID = uuid.NewString()
		}
		if _, err := uuid.Parse(one.ID); err != nil {
			return nil, fault.Errorf(fault.Invalid, "statement %d: id: not a UUID", i+1)
		}
		if one.Verb.ID == "" {
			return nil, fault.Errorf(fault.Invalid, "statement %d: verb.id is missing", i+1)
		}
	}
	return list, nil
}

// put is the one statement of a request whose address has its id.
func put(said []statement, id string) ([]statement, error) {
	switch _, err := uuid.Parse(id); {
	case err != nil:
		return nil, fault.Errorf(fault.Invalid, "statementId: not a UUID")
	case len(said) != 1:
		return nil, fault.Errorf(fault.Invalid, "%d statements; PUT takes one", len(said))
	}
	return said, nil
}

// What says that somebody has passed. "completed" says it only beside a success.
const (
	verbPassed    = "http://adlnet.gov/expapi/verbs/passed"
	verbCompleted = "http://adlnet.gov/expapi/verbs/completed"
)

// certificate is what a statement certifies; false where it certifies nothing that counts
// here. A platform tells its record store of all courses and of everybody's progress.
func (s *RecordStore) certificate(one statement, now time.Time) (Certificate, bool) {
	failed, succeeded := false, false
	if one.Result.Success != nil {
		failed, succeeded = !*one.Result.Success, *one.Result.Success
	}
	passed := one.Verb.ID == verbPassed && !failed || one.Verb.ID == verbCompleted && succeeded
	if !passed || !s.Awareness.of(one.Object.ID) || one.Object.ObjectType != "" && one.Object.ObjectType != "Activity" {
		return Certificate{}, false
	}
	var account string
	if mail, mailed := strings.CutPrefix(one.Actor.Mbox, "mailto:"); mailed {
		account = mail
	} else if strings.TrimSuffix(one.Actor.Account.HomePage, "/") == s.Origin {
		account = one.Actor.Account.Name
	}
	if one.Timestamp.IsZero() {
		one.Timestamp = now
	}
	return Certificate{Account: account, Module: one.Object.ID, Passed: one.Timestamp}, account != ""
}

func (s *RecordStore) take(ctx context.Context, said []statement) error {
	var list []Certificate
	for _, one := range said {
		if c, counts := s.certificate(one, s.Now()); counts {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return nil
	}
	refused, err := s.certify(ctx, &Certify{By: journal.Itself, From: ledger.ByPlatform, List: list, Strangers: true})
	for _, r := range refused {
		s.Log.WarnContext(ctx, "a certificate of the learning platform was not taken in", slog.String("module", list[r.Line-1].Module), slog.String("why", r.Why))
	}
	return err
}
