package pdf_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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

// letter is one that the incident of a person is told in.
func letter(i int) pdf.Letter {
	said := []string{
		"L’agence du registre vous écrit parce que des informations sur vous ont été vues par quelqu’un qui n’en avait pas le droit.",
		"Cela s’est passé le 3 mars 2026, par un compte professionnel détourné.",
		"Ont été vus\u00a0: votre nom et vos prénoms, votre adresse, votre téléphone et votre courriel.",
		"N’ont pas été affichés\u00a0: votre date de naissance, votre numéro de sécurité sociale, vos coordonnées bancaires (aucune), vos allocations.",
		"On peut s’en servir pour vous tromper\u00a0: quelqu’un peut citer ces informations pour gagner votre confiance.",
		"Ce compte est arrêté. L’autorité de protection des données (CNIL) est prévenue.",
		"Méfiez-vous de toute personne qui cite ces informations, même si elle dit appeler de notre part. Raccrochez, et appelez-nous vous-même.",
		"Nous ne vous demandons rien\u00a0: ni mot de passe, ni code, ni paiement, ni réponse à ce message.",
		"Une question\u00a0? Appelez le 01 99 00 12 04, ou écrivez à notre délégué à la protection des données\u00a0: Claire Aubry.",
		"Vous pouvez adresser une réclamation à la CNIL et porter plainte.",
		"Ce message est-il vrai\u00a0? Il ne contient aucun lien. Sa référence est 2026-003-K\u00a0: donnez-la au téléphone au numéro ci-dessus, ou venez avec ce message ici\u00a0: 1 place du Marché.",
	}
	return pdf.Letter{
		Sender: []string{"Agence du registre", "1 place du Marché", "99100 Valbourg"}, Address: []string{fmt.Sprintf("Personne %d", i), fmt.Sprintf("%d rue du Puits", i), "99100 Valbourg"},
		Parts: []pdf.LetterPart{{Heading: "Vos informations ont été vues sans droit", Paragraphs: said}, {Heading: "Facile à lire", Paragraphs: said[:8]}},
	}
}

func TestLettersAreASheetEachAndReadByToolsThatWeDidNotWrite(t *testing.T) {
	const many = 1200
	letters := pdf.NewLetters("Lettres (2026-003-K)", "fr-FR", time.Date(2026, 3, 3, 2, 12, 0, 0, time.UTC))
	for i := range many {
		if pages, err := letters.Add(letter(i)); err != nil || pages != 1 {
			t.Fatal(pages, err)
		}
	}
	var body bytes.Buffer
	if _, err := letters.WriteTo(&body); err != nil {
		t.Fatal(err)
	}
	if each := body.Len() / many; each > 2500 {
		t.Errorf("a letter takes %d bytes", each)
	}
	too := letter(0)
	for times, want := range map[int]int{2: 2, 12: 0} {
		too.Parts[1].Paragraphs = slices.Repeat(letter(0).Parts[0].Paragraphs, times)
		if pages, err := letters.Add(too); pages != want || (want == 0) != errors.Is(err, pdf.ErrTooLong) {
			t.Errorf("a letter that is %d times as long takes %d pages: %v", times, pages, err)
		}
	}
	file := filepath.Join(t.TempDir(), "letters.pdf")
	if err := os.WriteFile(file, body.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) string {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
		out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%.2000s", name, err, out)
		}
		return string(out)
	}
	if said := run("qpdf", "--check", file); strings.Contains(said, "WARNING") {
		t.Errorf("qpdf says\n%s", said)
	}
	if info := run("pdfinfo", file); !strings.Contains(info, "Tagged:          yes") || !strings.Contains(info, fmt.Sprintf("Pages:           %d", many)) {
		t.Errorf("pdfinfo says\n%s", info)
	}
	structure := run("pdfinfo", "-struct-text", file)
	for _, want := range []string{"Personne 777 777 rue du Puits 99100 Valbourg", "H1 (block)", "vues par quelqu’un qui n’en avait pas le droit.", "(aucune), vos allocations."} {
		if !strings.Contains(structure, want) {
			t.Errorf("its structure does not say %q", want)
		}
	}
}

// Nobody's name loses a letter in print: accents that stand apart are joined, and a letter that the font does not have is
// written without its own. What nothing here writes is known before a letter is posted.
func TestNamesArePrintedWithTheirLetters(t *testing.T) {
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("pdftotext is not installed: it is in Debian's poppler-utils")
	}
	names := map[string]string{
		"He\u0301le\u0300ne Lefe\u0300vre":      "Hélène Lefèvre",
		"Nguyễn Thị Hồng":                       "Nguyen Thi Hong",
		"Jean\u2011Luc Saint\u2010Mar\u00adtin": "Jean-Luc Saint-Martin",
		"Mari\u200be\u2060 N\u02bcDiaye":        "Marie N’Diaye",
		"Ștefan Țăranu":                         "Ștefan Țăranu",
		"Ǧawdat Ḥamid":                          "Gawdat Hamid",
	}
	letters := pdf.NewLetters("Lettres", "fr-FR", time.Date(2026, 3, 3, 2, 12, 0, 0, time.UTC))
	document := &pdf.Document{Title: "Notification", Lang: "fr-FR"}
	for name := range names {
		one := letter(0)
		one.Address[0] = name
		if _, err := letters.Add(one); err != nil || !letters.Writes(name) {
			t.Errorf("%q: %v", name, err)
		}
		document.Paragraph(name)
	}
	for _, name := range []string{"محمد", "王小明", "Ann 🙂"} {
		if letters.Writes(name) {
			t.Errorf("%q is said to be printed", name)
		}
	}
	if !letters.Writes("why? ") {
		t.Error("a question mark is said not to be printed")
	}
	for kind, written := range map[string]io.WriterTo{"letters": letters, "documents": document} {
		file := filepath.Join(t.TempDir(), "names.pdf")
		var body bytes.Buffer
		if _, err := written.WriteTo(&body); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, body.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		text, err := exec.CommandContext(t.Context(), "pdftotext", file, "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range names {
			if !strings.Contains(string(text), want) {
				t.Errorf("in %s %q is not printed as %q", kind, name, want)
			}
		}
	}
}

// A paragraph that is higher than a page is no letter: its end would be below the paper.
func TestAParagraphThatNoPageHoldsIsTooLong(t *testing.T) {
	letters := pdf.NewLetters("Lettres", "fr-FR", time.Date(2026, 3, 3, 2, 12, 0, 0, time.UTC))
	one := letter(0)
	for length, want := range map[int]error{4000: nil, 12000: pdf.ErrTooLong} {
		one.Parts = []pdf.LetterPart{{Heading: "Vos informations", Paragraphs: []string{strings.Repeat("Ce qui a été vu. ", length/17)}}}
		if _, err := letters.Add(one); !errors.Is(err, want) {
			t.Errorf("%d characters: %v", length, err)
		}
	}
}

// BenchmarkLetters measures letters laid out and written, by batches of 2,048. The
// processor's time is the process's own, whatever else the machine does meanwhile.
func BenchmarkLetters(b *testing.B) {
	processor := func() time.Duration {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			b.Fatal(err)
		}
		return time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	begun := processor()
	letters := pdf.NewLetters("Lettres", "fr-FR", time.Now())
	for i := 0; b.Loop(); i++ {
		if _, err := letters.Add(letter(i)); err != nil {
			b.Fatal(err)
		}
		if letters.Len() == 2048 {
			_, _ = letters.WriteTo(io.Discard)
			letters = pdf.NewLetters("Lettres", "fr-FR", time.Now())
		}
	}
	b.ReportMetric(float64(b.N)/(processor()-begun).Seconds(), "letters/processor-s")
}
