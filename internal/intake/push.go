package intake

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"poterne/internal/fault"
)

// PushPattern is where a source sends its facts: POST, with its token as bearer
// token, CSV or NDJSON by Content-Type. The same body twice changes nothing.
const PushPattern = "POST /.poterne/facts/{source}"

const (
	// TokenLength is the least length of a source's token.
	TokenLength = 32
	// largestPush bounds the body of one push.
	largestPush = 64 << 20
	// rejectionsTold bounds how many rejected lines one answer lists.
	rejectionsTold = 1000
)

// Token is what is kept of a source's token.
type Token [sha256.Size]byte

// NewToken returns what is kept of a token.
func NewToken(secret string) Token { return sha256.Sum256([]byte(secret)) }

// Push is where sources send their facts over HTTP.
type Push struct {
	facts  Facts
	tokens map[string]Token
	log    *slog.Logger
}

// NewPush returns a handler for PushPattern. Each source has its own token.
func NewPush(facts Facts, tokens map[string]Token, log *slog.Logger) *Push {
	return &Push{facts, tokens, log}
}

type pushed struct {
	Kept     int         `json:"kept"`
	Rejected []Rejection `json:"rejected"`
	More     int         `json:"more,omitempty"` // rejected lines that are not listed
	Problem  string      `json:"problem,omitempty"`
}

// ServeHTTP takes in one push.
func (p *Push) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	source := r.PathValue("source")
	if !p.known(source, r.Header.Get("Authorization")) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		answer(w, http.StatusUnauthorized, pushed{Problem: "no such source, or not its token"})
		return
	}
	format, ok := formatOf(r.Header)
	if !ok {
		answer(w, http.StatusUnsupportedMediaType, pushed{Problem: "send text/csv or application/x-ndjson, in UTF-8, without a content coding"})
		return
	}
	said := pushed{Rejected: []Rejection{}}
	body := http.MaxBytesReader(w, r.Body, largestPush)
	report, err := p.facts.Take(r.Context(), source, format, body, Said{Rejected: func(line Rejection) {
		if len(said.Rejected) < rejectionsTold {
			said.Rejected = append(said.Rejected, line)
		} else {
			said.More++
		}
	}})
	said.Kept = report.Kept
	status := http.StatusOK
	if err != nil {
		status, said.Problem = p.problem(r.Context(), source, err)
	}
	answer(w, status, said)
}

// known compares in constant time, also for a source that is not declared.
func (p *Push) known(source, authorization string) bool {
	scheme, secret, _ := strings.Cut(authorization, " ")
	shown, kept := NewToken(secret), p.tokens[source]
	same := subtle.ConstantTimeCompare(shown[:], kept[:]) == 1
	_, declared := p.tokens[source]
	return same && declared && strings.EqualFold(scheme, "bearer") && len(secret) >= TokenLength
}

func formatOf(header http.Header) (Format, bool) {
	kind, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	charset := parameters["charset"]
	if err != nil || header.Get("Content-Encoding") != "" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return "", false
	}
	switch kind {
	case "text/csv":
		return CSV, true
	case "application/x-ndjson", "application/jsonl":
		return NDJSON, true
	default:
		return "", false
	}
}

func (p *Push) problem(ctx context.Context, source string, err error) (status int, sentence string) {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge, "at most " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes at once; the lines before were taken in"
	}
	if fault.Is(err, fault.Invalid) {
		return http.StatusBadRequest, fault.Public(err)
	}
	p.log.ErrorContext(ctx, "a push was not taken in whole", slog.String("source", source), slog.Any("err", err))
	return http.StatusServiceUnavailable, "not everything could be taken in; send the same again"
}

func answer(w http.ResponseWriter, status int, said pushed) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(said) // a source that hung up sends again
}
