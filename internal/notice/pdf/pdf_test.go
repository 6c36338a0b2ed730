package pdf_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poterne/internal/notice/pdf"
)

// long is a document of several pages, with every letter that French and English have.
func long() *pdf.Document {
	d := &pdf.Document{Title: "Notification à la CNIL & suites", Lang: "fr-FR", Made: time.Date(2026, 3, 3, 2, 12, 0, 0, time.UTC), Foot: "2026-003-K"}
	d.Heading(1, "Notification à la CNIL")
	d.Paragraph("ÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸ àâæçéèêëîïôœùûüÿ « » ’ – — … € · 12\u202f000\u00a0personnes\u202f?")
	for range 12 {
		d.Heading(2, "Personnes")
		d.Item("Nombre de personnes", []string{"12 personnes distinctes, nombre exact", "dont 2 consultées sans motif"})
		d.Item("Descriptif", []string{strings.Repeat("Un compte professionnel a été détourné et a consulté des dossiers. ", 9)})
		d.Item("Empreinte", []string{strings.Repeat("0123456789abcdef", 12)})
	}
	return d
}

func TestADocumentIsReadByToolsThatWeDidNotWrite(t *testing.T) {
	for _, tool := range []string{"qpdf", "pdfinfo", "pdftotext"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is not installed: it is in Debian's qpdf and poppler-utils", tool)
			}
			t.Skipf("%s is not installed: it is in Debian's qpdf and poppler-utils", tool)
		}
	}
	file := filepath.Join(t.TempDir(), "notice.pdf")
	var body bytes.Buffer
	if _, err := long().WriteTo(&body); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, body.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) string {
		out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	if said := run("qpdf", "--check", file); strings.Contains(said, "WARNING") {
		t.Errorf("qpdf says\n%s", said)
	}
	info := run("pdfinfo", file)
	for _, want := range []string{"Title:           Notification à la CNIL & suites", "Tagged:          yes", "Page size:       595.28 x 841.89 pts (A4)"} {
		if !strings.Contains(info, want) {
			t.Errorf("pdfinfo does not say %q:\n%s", want, info)
		}
	}
	structure := run("pdfinfo", "-struct-text", file)
	for _, want := range []string{
		"H1", "H2", "Lbl", "LBody", `"Notification à la CNIL"`, `"Nombre de personnes"`, `"dont 2 consultées sans motif"`,
		"ÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸ àâæçéèêëîïôœùûüÿ « » ’ – — … € ·", "12\u00a0000\u00a0personnes\u00a0?",
	} {
		if !strings.Contains(structure, want) {
			t.Errorf("the structure lacks %q:\n%.3000s", want, structure)
		}
	}
	words := strings.Join(strings.Fields(run("pdftotext", file, "-")), " ")
	if n := strings.Count(words, "Un compte professionnel a été détourné et a consulté des dossiers."); n < 100 {
		t.Errorf("of 108 sentences, %d are read whole", n)
	}
	if len(body.Bytes()) > 300_000 {
		t.Errorf("it takes %d bytes", body.Len())
	}
}

// A document is the same each time: its digest can stand in a file.
func TestADocumentIsTheSameEachTime(t *testing.T) {
	var one, other bytes.Buffer
	for _, to := range []*bytes.Buffer{&one, &other} {
		if _, err := long().WriteTo(to); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(one.Bytes(), other.Bytes()) {
		t.Error("two writings differ")
	}
}
