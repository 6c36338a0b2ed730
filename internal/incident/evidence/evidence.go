// Package evidence packs what an incident rests on, so that it can be verified by
// somebody who does not trust the body whose ledger it is: the file's journal, the proof of
// each entry, and the words that say how. Verify needs the bundle and the public half of
// the key that signs checkpoints, and nothing else.
package evidence

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"poterne/internal/fault"
	"poterne/internal/glossary"
	"poterne/internal/i18n"
	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/ledger/tiles"
	"poterne/internal/register"
)

// The files of a bundle. Proofs are below proofs/, by the number of their entry.
const (
	manifestName = "manifest.txt"
	journalName  = "journal.json"
	keyName      = "key.txt"
	wordsName    = "categories.json"
	proofsFolder = "proofs/"
	proofEnding  = ".tlog-proof"
)

// Bundle is what is packed.
type Bundle struct {
	Reference string
	File      incident.File
	Entries   []ledger.Number // besides those of the journal: disclosures and orders
	Key       string          // the public half, as note.NewVerifier takes it
	Program   string          // which version packs
	Made      time.Time
	Words     glossary.Known // what the categories of fields mean
	// Prove makes the proof that an entry is in the ledger, with the entry.
	Prove func(context.Context, ledger.Number) ([]byte, error)
}

// journal is the file's journal as a bundle has it.
type journal struct {
	Reference string    `json:"reference"`
	Title     string    `json:"title"`
	Made      time.Time `json:"made"`
	Program   string    `json:"program"`
	Lines     []line    `json:"lines"`
}

// line is a line of the journal. Body is text, so that its bytes stay what the entry has
// the digest of.
type line struct {
	Number   ledger.Number `json:"entry"`
	At       time.Time     `json:"at"`
	By       string        `json:"by"`
	Approver string        `json:"approver,omitempty"`
	What     ledger.State  `json:"what"`
	Body     string        `json:"body"`
}

// Pack writes the bundle, and returns the SHA-256 of its manifest, which has the SHA-256 of
// each other file: whoever is told of it can tell this bundle from another.
func (b Bundle) Pack(ctx context.Context, to io.Writer) (digest string, err error) {
	packed := zip.NewWriter(to)
	var manifest bytes.Buffer
	put := func(name string, body []byte) error {
		fmt.Fprintf(&manifest, "%x  %s\n", sha256.Sum256(body), name)
		return write(packed, name, body)
	}
	j := journal{Reference: b.Reference, Title: b.File.Title, Made: b.Made.UTC(), Program: b.Program}
	numbers := slices.Clone(b.Entries)
	for _, l := range b.File.Journal {
		j.Lines = append(j.Lines, line{l.Number, l.At, string(l.By), string(l.Approver), l.What, string(l.Body)})
		numbers = append(numbers, l.Number)
	}
	body, err := json.MarshalIndent(j, "", "\t")
	if err != nil {
		return "", err
	}
	known, err := json.MarshalIndent(words{b.Words.Entry, b.Words.Categories.All()}, "", "\t")
	if err != nil {
		return "", err
	}
	if len(b.Words.Categories) > 0 {
		numbers = append(numbers, b.Words.Entry)
	}
	for _, file := range []struct {
		name string
		body string
	}{
		{journalName, string(body)},
		{wordsName, string(known)},
		{keyName, b.Key + "\n"},
		{"LISEZMOI.txt", i18n.French.Say("evidence.readme", "reference", b.Reference)},
		{"README.txt", i18n.English.Say("evidence.readme", "reference", b.Reference)},
	} {
		if err := put(file.name, []byte(file.body)); err != nil {
			return "", err
		}
	}
	slices.Sort(numbers)
	for _, number := range slices.Compact(numbers) {
		proof, err := b.Prove(ctx, number)
		if number == b.Words.Entry && fault.Is(err, fault.Absent) {
			continue // it was dropped with its month: the words are the body's own
		}
		if err != nil {
			return "", fmt.Errorf("proving entry %d: %w", number, err)
		}
		if err := put(fmt.Sprintf("%s%d%s", proofsFolder, number, proofEnding), proof); err != nil {
			return "", err
		}
	}
	if err := write(packed, manifestName, manifest.Bytes()); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(manifest.Bytes())), packed.Close()
}

func write(packed *zip.Writer, name string, body []byte) error {
	file, err := packed.Create(name)
	if err == nil {
		_, err = file.Write(body)
	}
	return err
}

// words is what the categories of fields mean, as a bundle has it.
type words struct {
	Entry      ledger.Number       `json:"entry"` // that declares them, and has their digest
	Categories register.Categories `json:"categories"`
}

// Report is what a bundle proves.
type Report struct {
	Reference   string
	Manifest    string              // SHA-256 of the manifest
	Entries     int                 // proven
	Lines       int                 // of the journal, each as its entry says
	Disclosures int                 // entries that say that a person was shown
	WithNone    int                 // of those, without a reason
	Orders      int                 // entries that place or lift an order
	Shown       []register.Category // in the disclosures
	Glossed     bool                // an entry that is proven says what they mean
	Size        ledger.Number       // of the smallest checkpoint that they are proven under
}

// Verify holds a bundle against a key. The error says the first thing that does not hold.
func Verify(bundle []byte, verifier note.Verifier) (Report, error) {
	files, err := open(bundle)
	if err != nil {
		return Report{}, err
	}
	r := Report{Manifest: fmt.Sprintf("%x", sha256.Sum256(files[manifestName]))}
	entries := make(map[ledger.Number]ledger.Entry)
	for name, body := range files {
		if !strings.HasPrefix(name, proofsFolder) {
			continue
		}
		entry, head, err := tiles.OpenProof(body, verifier)
		if err != nil {
			return r, fmt.Errorf("%s: %w", name, err)
		}
		if name != fmt.Sprintf("%s%d%s", proofsFolder, entry.Number, proofEnding) {
			return r, fmt.Errorf("%s proves entry %d", name, entry.Number)
		}
		entries[entry.Number] = entry
		if size := ledger.Number(head.Size); r.Size == 0 || size < r.Size {
			r.Size = size
		}
		r.count(entry)
	}
	if err := r.words(files[wordsName], entries); err != nil {
		return r, err
	}
	return r, r.journal(files[journalName], entries)
}

// words names what was shown, and holds what the bundle says of it against the entry that declares
// it.
func (r *Report) words(body []byte, entries map[ledger.Number]ledger.Entry) error {
	var said words
	if err := json.Unmarshal(body, &said); err != nil {
		return fmt.Errorf("%s does not say what was shown: %w", wordsName, err)
	}
	if e, proven := entries[said.Entry]; proven && e.Kind == ledger.Glossed {
		if r.Glossed = e.Digest == glossary.Digest(said.Categories); !r.Glossed {
			return fmt.Errorf("%s is not what entry %d declares", wordsName, said.Entry)
		}
	}
	var shown register.Fields
	for _, e := range entries {
		if e.Disclosed() {
			shown |= e.Fields
		}
	}
	r.Shown = said.Categories.In(shown)
	return nil
}

// count adds an entry that is proven.
func (r *Report) count(e ledger.Entry) {
	r.Entries++
	switch {
	case e.Disclosed():
		r.Disclosures++
		if e.Unexplained() {
			r.WithNone++
		}
	case e.Kind == ledger.Placed, e.Kind == ledger.Lifted:
		r.Orders++
	}
}

// journal holds the lines of the journal against their entries, each of which names the
// line before.
func (r *Report) journal(body []byte, entries map[ledger.Number]ledger.Entry) error {
	var j journal
	if err := json.Unmarshal(body, &j); err != nil || len(j.Lines) == 0 {
		return fmt.Errorf("%s is no journal: %w", journalName, err)
	}
	r.Reference = j.Reference
	var before ledger.Number
	for i, l := range j.Lines {
		e, proven := entries[l.Number]
		switch {
		case !proven:
			return fmt.Errorf("line %d of the journal has no proof", l.Number)
		case e.Kind != ledger.Filed || e.State != l.What || string(e.Account) != l.By || string(e.Approver) != l.Approver || !e.Time.Equal(l.At) ||
			e.Digest != ledger.Digest(sha256.Sum256([]byte(l.Body))):
			return fmt.Errorf("line %d of the journal is not as its entry says", l.Number)
		case i == 0 && e.From != 0, i > 0 && (e.From != j.Lines[0].Number || e.Cause != before):
			return fmt.Errorf("line %d of the journal does not follow the one before it: one is missing", l.Number)
		}
		before = l.Number
		r.Lines++
	}
	return nil
}

// largest bounds what is read of one file of a bundle.
const largest = 16 << 20

// open reads the files of a bundle, each as the manifest says and no others.
func open(bundle []byte) (map[string][]byte, error) {
	packed, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		return nil, fmt.Errorf("this is no bundle: %w", err)
	}
	files := make(map[string][]byte)
	for _, file := range packed.File {
		opened, err := file.Open()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		}
		body, err := io.ReadAll(io.LimitReader(opened, largest+1))
		_ = opened.Close() // it was only read
		switch _, twice := files[file.Name]; {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", file.Name, err)
		case twice || len(body) > largest:
			return nil, fmt.Errorf("%s is there twice, or too large", file.Name)
		}
		files[file.Name] = body
	}
	manifest, listed := files[manifestName], 0
	for entry := range strings.Lines(string(manifest)) {
		digest, name, _ := strings.Cut(strings.TrimSuffix(entry, "\n"), "  ")
		sum := sha256.Sum256(files[name])
		if body, there := files[name]; !there || body == nil || digest != hex.EncodeToString(sum[:]) {
			return nil, fmt.Errorf("%q is missing, or not as the manifest says", name)
		}
		listed++
	}
	if listed == 0 || listed != len(files)-1 {
		return nil, fmt.Errorf("the bundle has %d files, and its manifest lists %d", len(files)-1, listed)
	}
	return files, nil
}
