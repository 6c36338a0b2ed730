package ledger_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"poterne/internal/ledger"
	"poterne/internal/meter"
	"poterne/internal/order"
	"poterne/internal/policy"
	"poterne/internal/reason"
	"poterne/internal/register"
	"poterne/internal/roster"
)

var update = flag.Bool("update", false, "write the golden files anew; only for a new kind of entry, never for an old one")

var at = time.Date(2026, 3, 3, 10, 0, 0, 123_456_000, time.UTC)

// samples is one entry of each kind there has ever been. Their bytes are in
// ledgers that exist: a sample is added, never changed.
var samples = map[string]ledger.Entry{
	"reading-asked": {
		Number: 1234580, Time: at, Kind: ledger.ReadingAsked, Receipt: 1234580, Account: "claire.noir", Organisation: "garde", State: ledger.Asked,
		Person: register.PersonID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, Note: "réquisition 26-131",
	},
	"mandated": {
		Number: 1234591, Time: at, Kind: ledger.Mandated, Receipt: 1234591, Account: "nadia", Organisation: "garde", Approver: "samir", State: ledger.SignedFor, Target: "guardianship",
		Person: register.PersonID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, Since: at, Until: at.AddDate(1, 0, 0), Cause: 1234583, Digest: ledger.Digest{7},
	},
	"represented": {
		Number: 1234592, Time: at, Kind: ledger.Represented, Receipt: 1234592, State: "page", Cause: 1234583, Network: "abroad",
		Person: register.PersonID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	},
	"reconciled":          {Number: 1234590, Time: at, Kind: ledger.Reconciled, Receipt: 1234590, Account: "poterne", State: ledger.Audited, Target: "fact", Count: 2, Rejected: 1},
	"configuration-asked": {Number: 1234583, Time: at, Kind: ledger.ConfigurationAsked, Receipt: 1234583, Account: "samir", Organisation: "garde", State: ledger.SignedFor, Target: "poterne-1", Cause: 1234580, Digest: ledger.Digest{1, 2, 3}, Note: "convenu"},
	"configuration-set":   {Number: 1234584, Time: at, Kind: ledger.ConfigurationSet, Receipt: 1234584, Account: "samir", Organisation: "garde", Approver: "nadia", State: ledger.Altering, Target: "poterne-1", Cause: 1234580, Digest: ledger.Digest{1, 2, 3}, Note: "convenu"},
	"hold-asked":          {Number: 1234581, Time: at, Kind: ledger.HoldAsked, Receipt: 1234581, Account: "samir", Organisation: "garde", State: ledger.Asked, First: 202603, Last: 202605, Note: "enquête 26-131"},
	"release-asked":       {Number: 1234582, Time: at, Kind: ledger.ReleaseAsked, Receipt: 1234582, Account: "nadia", Organisation: "garde", State: ledger.Refused, From: 1234581, End: 1234582, Cause: 1234581},
	"opened":              {Number: 0, Time: at, Kind: ledger.Opened},
	"consulted": {
		Number: 1234567, Time: at, Kind: ledger.Consulted, Receipt: 1234560,
		Account: "pauline.mercier", Organisation: "ml-valbourg", Session: "K7QWZ", Service: "dossier", Purpose: "accompany",
		Route: "GET /files/{dossier}", Person: register.PersonID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		Fields: register.Name | register.Birth | register.Residence, Verdict: policy.Masked, Why: policy.Explained,
		Reason: reason.Reason{Kind: reason.Appointment, Source: "agenda", ID: "rdv-17"},
	},
	"counted": {
		Number: 300, Time: at, Kind: ledger.Consulted, Receipt: 300, Account: "karim", Person: register.PersonID{9},
		Fields: register.Name, Verdict: policy.Shown, Why: policy.Counted, Cost: meter.Whole, Counted: meter.People(2), Limit: meter.People(3),
	},
	"refused": {
		Number: 301, Time: at, Kind: ledger.Attempted, Receipt: 301, Account: "lucas", Service: "kairos",
		Route: "GET /api/élèves", Verdict: policy.Refused, Why: policy.NotDeclared,
	},
	"changed":  {Number: 302, Time: at, Kind: ledger.Changed, Receipt: 302, Account: "pauline", Fields: register.Note, Verdict: policy.Shown, Why: policy.AlreadySeen},
	"placed":   {Number: 303, Time: at, Kind: ledger.Placed, Receipt: 303, Account: "samir", Effect: order.Suspended, Reach: order.Account, Target: "lucas", Cause: 301, Note: "session volée"},
	"lifted":   {Number: 304, Time: at, Kind: ledger.Lifted, Receipt: 304, Account: "samir", Effect: order.Suspended, Reach: order.Account, Target: "lucas", From: 303, End: 304, Note: "retrouvée"},
	"read":     {Number: 305, Time: at, Kind: ledger.Read, Receipt: 305, Account: "dpo", State: ledger.ShownTo, Target: "lucas", Since: at.Add(-time.Hour), Until: at},
	"imported": {Number: 306, Time: at, Kind: ledger.Imported, Receipt: 306, Account: "agenda", State: ledger.Facts, Target: "agenda", Count: 12, Rejected: 3, Digest: ledger.Digest{7}},
	"observed": {
		Number: 308, Time: at, Kind: ledger.Consulted, Receipt: 308, Account: "karim", Person: register.PersonID{9}, Fields: register.Name,
		Verdict: policy.Shown, Why: policy.ShortEmpty, Cost: 2 * meter.Whole, Counted: meter.People(3), Limit: meter.People(3),
		Device: "0f3a9c", Network: "agency", Signs: meter.SearchRow | meter.NextPage, Observed: true,
	},
	"spared": {
		Number: 319, Time: at, Kind: ledger.Consulted, Receipt: 319, Account: "karim", Person: register.PersonID{9}, Fields: register.Name,
		Verdict: policy.Shown, Why: policy.Counted, Cost: meter.Whole, Counted: meter.People(2), Limit: meter.People(3),
		Epoch: 202603, Spared: meter.HourLimit | meter.RegisterLimit,
	},
	"stepped-up": {Number: 309, Time: at, Kind: ledger.SteppedUp, Receipt: 309, Account: "karim", Session: "K7QWZ", Device: "0f3a9c", Network: "home"},
	"raised":     {Number: 310, Time: at, Kind: ledger.Raised, Receipt: 310, Account: "marc", Subject: "karim", Cost: meter.People(30), Until: at.Add(time.Hour), Note: "mise à l’abri"},
	"cosigned":   {Number: 311, Time: at, Kind: ledger.Cosigned, Receipt: 311, Account: "marc", Subject: "karim", Person: register.PersonID{9}, Cause: 301},
	"permit": {
		Number: 312, Time: at, Kind: ledger.Permitted, Receipt: 312, Account: "jeanne", Organisation: "ml-valbourg", Service: "dossier", Route: "GET /export",
		Subject: "karim", Cost: meter.People(500), Until: at.Add(7 * 24 * time.Hour), Approver: "samir", Digest: ledger.Digest{0x9f, 0x86}, Note: "envoi du bilan",
	},
	"concealed": {
		Number: 313, Time: at, Kind: ledger.Consulted, Receipt: 313, Account: "karim", Person: register.PersonID{9}, Fields: register.Name,
		Verdict: policy.Shown, Why: policy.AlreadySeen, Epoch: 202603,
	},
	"retained":   {Number: 314, Time: at, Kind: ledger.Retained, Receipt: 314, Account: "poterne", Count: 12},
	"configured": {Number: 330, Time: at, Kind: ledger.Configured, Receipt: 330, Account: "poterne", State: ledger.ReadAnew, Target: "node-1", Count: 3, Digest: ledger.Digest{7}},
	"held":       {Number: 315, Time: at, Kind: ledger.Held, Receipt: 315, Account: "samir", Approver: "jeanne", First: 202511, Last: 202512, Note: "plainte"},
	"released":   {Number: 316, Time: at, Kind: ledger.Released, Receipt: 316, Account: "samir", Approver: "jeanne", From: 315, End: 316, Note: "classée"},
	"dropped":    {Number: 317, Time: at, Kind: ledger.Dropped, Receipt: 317, Account: "poterne", From: 1, End: 300, First: 202501},
	"named":      {Number: 318, Time: at, Kind: ledger.Named, Receipt: 318, Account: "samir", Approver: "jeanne", Count: 12, Digest: ledger.Digest{1}, Note: "prévenir"},
	"sign-in": {
		Number: 320, Time: at, Kind: ledger.SignIn, Receipt: 320, Account: "pauline", Organisation: "ml-valbourg", Session: "K7QWZ", Device: "0f3a9c", Network: "office", State: ledger.Granted,
		Identity: roster.Identity{Issuer: "https://proconnect.example/api/v2", Provider: "71144ab3-ee1a-4401-b7b3-79b44f7daeeb", Subject: "8f1c"}, SIRET: "90000000000017",
		ACR: "eidas1-mfa", AMR: "pwd hwk", Factor: "strong",
	},
	"proposed": {
		Number: 321, Time: at, Kind: ledger.Proposed, Receipt: 321, Account: "jeanne", Organisation: "ml-valbourg", Session: "K7QWZ", Until: at.AddDate(1, 0, 0),
		Identity: roster.Identity{Issuer: "https://proconnect.example/api/v2", Subject: "8f1c"}, State: "adviser", Count: 2, Digest: ledger.Digest{3}, Note: "remplacement",
	},
	"approved": {Number: 322, Time: at, Kind: ledger.Approved, Receipt: 322, Account: "samir", Organisation: "ml-valbourg", Subject: "jeanne", Cause: 321, Until: at.Add(72 * time.Hour), Digest: ledger.Digest{4}},
	"declined": {Number: 323, Time: at, Kind: ledger.Declined, Receipt: 323, Account: "samir", Organisation: "ml-valbourg", Subject: "jeanne", Cause: 321, State: ledger.Refused, Note: "inconnu"},
	"accepted": {
		Number: 324, Time: at, Kind: ledger.Accepted, Receipt: 324, Organisation: "ml-valbourg", Approver: "samir", Subject: "jeanne", Cause: 321, Device: "0f3a9c", Network: "office",
		Identity: roster.Identity{Issuer: "https://proconnect.example/api/v2", Subject: "8f1c"}, SIRET: "90000000000017", ACR: "eidas1-mfa", AMR: "pwd hwk", Factor: "strong",
	},
	"joined": {
		Number: 325, Time: at, Kind: ledger.Joined, Receipt: 325, Account: "samir", Organisation: "ml-valbourg", Approver: "jeanne", Subject: "a321", Cause: 321, Until: at.AddDate(1, 0, 0),
		Identity: roster.Identity{Issuer: "https://proconnect.example/api/v2", Subject: "8f1c"},
	},
	"ended":    {Number: 326, Time: at, Kind: ledger.Ended, Receipt: 326, Account: "poterne", Organisation: "ml-valbourg", Subject: "a321", State: ledger.Unused},
	"admitted": {Number: 327, Time: at, Kind: ledger.Admitted, Receipt: 327, Account: "samir", Cause: 12, Count: 3},
	"refunded": {
		Number: 328, Time: at, Kind: ledger.Refunded, Receipt: 328, Account: "poterne", Organisation: "ml-valbourg", Subject: "karim", Service: "dossier", Person: register.PersonID{9},
		Reason: reason.Reason{Kind: reason.Call, Source: "telephony", ID: "77"}, Cost: meter.Whole, Spared: meter.HourLimit, Since: at.Add(-time.Hour), Cause: 319,
	},
	"signed-out": {Number: 1234591, Time: at, Kind: ledger.SignedOut, Receipt: 1234591, Account: "pauline", Organisation: "ml-valbourg", Session: "K7QWZ", State: "left"},
	"session":    {Number: 307, Time: at, Kind: ledger.Session, Receipt: 307, Account: "pauline", Session: "K7QWZ", State: "doubled"},
}

func TestEntriesKeepTheirBytesForEver(t *testing.T) {
	for name, entry := range samples {
		t.Run(name, func(t *testing.T) {
			file := "testdata/" + name + ".hex"
			body := entry.Append(nil)
			if *update {
				if err := os.WriteFile(file, []byte(hex.EncodeToString(body)+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(body); got != strings.TrimSpace(string(golden)) {
				t.Errorf("encoded as %s, ledgers hold %s", got, golden)
			}
			back, err := ledger.Decode(body)
			if err != nil || back != entry {
				t.Errorf("decoded as %+v, %v", back, err)
			}
		})
	}
}

// Promise: LEDGER-2 (what an entry of each kind says)
func TestLEDGER_2_AnEntryHasTheFieldsOfItsKindAndNoOther(t *testing.T) {
	for name, sample := range samples {
		if err := sample.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		value := reflect.ValueOf(&sample).Elem()
		for i := range value.NumField() {
			field := value.Type().Field(i).Name
			if slices.Contains(sample.Kind.Fields(), field) {
				continue
			}
			with := sample
			other := reflect.ValueOf(&with).Elem().Field(i)
			other.Set(something(t, other.Type()))
			if err := with.Check(); err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("%s with a field %s, which its kind does not have: %v", name, field, err)
			}
		}
	}
	if (ledger.Entry{Kind: 200}).Check() == nil {
		t.Error("an entry of a kind that nobody knows can be written")
	}
}

// something is a value of a type that is not its zero.
func something(t *testing.T, of reflect.Type) reflect.Value {
	value := reflect.New(of).Elem()
	switch of.Kind() {
	case reflect.String:
		value.SetString("x")
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int32, reflect.Int64, reflect.Int:
		value.SetInt(1)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		value.SetUint(1)
	case reflect.Array:
		value.Index(0).SetUint(1)
	case reflect.Struct:
		if of == reflect.TypeFor[time.Time]() {
			return reflect.ValueOf(at)
		}
		value.Field(0).Set(something(t, value.Field(0).Type()))
	default:
		t.Fatalf("no value of %v", of)
	}
	return value
}

func text() *rapid.Generator[string] { return rapid.StringN(0, 30, 60) }

func TestWhatIsEncodedDecodesToItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entry := ledger.Entry{
			Number: ledger.Number(rapid.Uint64().Draw(t, "number")), Time: time.UnixMicro(rapid.Int64Range(0, 1<<60).Draw(t, "time")).UTC(),
			Kind: ledger.Kind(rapid.Byte().Draw(t, "kind")), Receipt: ledger.Number(rapid.Uint64().Draw(t, "receipt")),
			Account: roster.AccountID(text().Draw(t, "account")), Organisation: roster.OrganisationID(text().Draw(t, "organisation")),
			Session: roster.SessionID(text().Draw(t, "session")), Service: roster.ServiceID(text().Draw(t, "service")),
			Purpose: roster.Purpose(text().Draw(t, "purpose")), Route: text().Draw(t, "route"),
			Person: register.PersonID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "person")),
			Fields: register.Fields(rapid.Uint32().Draw(t, "fields")), Verdict: policy.Verdict(rapid.Byte().Draw(t, "verdict")),
			Why: policy.Why(rapid.Byte().Draw(t, "why")), Cost: meter.Cost(rapid.Int32Min(0).Draw(t, "cost")),
			Reason:  reason.Reason{Kind: reason.FactKind(rapid.Byte().Draw(t, "reason")), Source: text().Draw(t, "source"), ID: text().Draw(t, "fact")},
			Counted: meter.Cost(rapid.Int32Min(0).Draw(t, "counted")), Limit: meter.Cost(rapid.Int32Min(0).Draw(t, "limit")),
			Subject: roster.AccountID(text().Draw(t, "subject")),
			Device:  text().Draw(t, "device"), Network: text().Draw(t, "network"), Signs: meter.Signs(rapid.Uint32().Draw(t, "signs")),
			Observed: rapid.Bool().Draw(t, "observed"), Until: time.UnixMicro(rapid.Int64Range(1, 1<<60).Draw(t, "until")).UTC(),
			From: ledger.Number(rapid.Uint64().Draw(t, "from")), End: ledger.Number(rapid.Uint64().Draw(t, "end")), Epoch: ledger.Month(rapid.Uint32().Draw(t, "epoch")),
			Spared:   meter.Limits(rapid.Uint16().Draw(t, "spared")),
			Approver: roster.AccountID(text().Draw(t, "approver")), Effect: order.Effect(text().Draw(t, "effect")),
			Reach: order.Reach(text().Draw(t, "reach")), Target: text().Draw(t, "target"), Cause: ledger.Number(rapid.Uint64().Draw(t, "cause")),
			Since: time.UnixMicro(rapid.Int64Range(1, 1<<60).Draw(t, "since")).UTC(),
			First: ledger.Month(rapid.Uint32().Draw(t, "first")), Last: ledger.Month(rapid.Uint32().Draw(t, "last")),
			Count: rapid.Uint64().Draw(t, "count"), Rejected: rapid.Uint64().Draw(t, "rejected"),
			Digest: ledger.Digest(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest")), State: ledger.State(text().Draw(t, "state")),
			Note:     text().Draw(t, "note"),
			Identity: roster.Identity{Issuer: text().Draw(t, "issuer"), Provider: text().Draw(t, "idp_id"), Subject: text().Draw(t, "sub")},
			SIRET:    text().Draw(t, "siret"), ACR: text().Draw(t, "acr"), AMR: text().Draw(t, "amr"), Factor: text().Draw(t, "factor"),
		}
		back, err := ledger.Decode(entry.Append(nil))
		if err != nil || !reflect.DeepEqual(back, entry) {
			t.Fatalf("%+v came back as %+v, %v", entry, back, err)
		}
	})
}

func TestATextThatIsTooLongIsRefusedAndNeverCut(t *testing.T) {
	for sentence, test := range map[string]struct{ note, says string }{
		"the longest":      {strings.Repeat("é", 2048), ""},
		"two bytes more":   {strings.Repeat("é", 2049), "its note is 4098 bytes long, at most 4096 are written"},
		"not UTF-8 at all": {"a\xff", "its note is not UTF-8"},
	} {
		entry := ledger.Entry{Number: 7, Kind: ledger.Read, Time: at, Note: test.note}
		_, err := ledger.Pseudonyms{}.Seal([]ledger.Entry{entry})
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, entry := range samples {
		f.Add(entry.Append(nil))
	}
	f.Add([]byte{1, 0x80, 0, 0, 1})
	f.Add([]byte{1, 0, 0, 1, 2, 0})
	f.Add([]byte{1, 0, 0, 1, 9, 1, 9, 1})
	f.Fuzz(func(t *testing.T, body []byte) {
		entry, err := ledger.Decode(body)
		if err != nil {
			return
		}
		if again := entry.Append(nil); !bytes.Equal(again, body) {
			t.Errorf("%x decodes, and encodes as %x", body, again)
		}
	})
}

// Promise: LEDGER-2
func TestLEDGER_2_ACommitmentSaysNothingWithoutItsSalt(t *testing.T) {
	entry := samples["consulted"]
	one, other := seal(t, ledger.Pseudonyms{}, entry), seal(t, ledger.Pseudonyms{}, entry)
	if one.Salt == other.Salt || one.Commitment() == other.Commitment() {
		t.Error("the same entry sealed twice has the same commitment")
	}
	if !bytes.Equal(one.Body, other.Body) {
		t.Error("the same entry has two encodings")
	}
}

func seal(t testing.TB, pseudonyms ledger.Pseudonyms, entry ledger.Entry) ledger.Sealed {
	t.Helper()
	sealed, err := pseudonyms.Seal([]ledger.Entry{entry})
	if err != nil {
		t.Fatal(err)
	}
	return sealed[0]
}

func BenchmarkSeal(b *testing.B) {
	for name, pseudonyms := range variants {
		for _, n := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				entries := make([]ledger.Entry, n)
				for i := range entries {
					entries[i] = samples["consulted"]
				}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := pseudonyms.Seal(entries); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	body := samples["consulted"].Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ledger.Decode(body); err != nil {
			b.Fatal(err)
		}
	}
}
