package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"poterne/internal/lab/town"
	"poterne/internal/ledger"
)

// withAuthenticator gives the tab an authenticator of its own, whose person is there and
// is verified.
func (s *screen) withAuthenticator() {
	s.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
		return err
	}))
}

// nirInFile reads the NIR in a file, as the page names it: what is masked has lost its marks.
const nirInFile = "[...document.querySelectorAll('dt')].find(dt => dt.textContent.includes('sécurité sociale')).nextElementSibling.textContent.trim()"

// An adviser makes a passkey on her own page, in a real browser, and opens with it the half
// of her hour's allowance that a step-up opens.
//
// Promises: ENTRY-6, SCOPE-3, ENTRY-10
func TestENTRY_6_AnAdviserMakesAPasskeyAndConfirmsWithIt(t *testing.T) {
	t.Parallel()
	d := startDemo(t, t.TempDir())
	pauline := newScreen(t, d.origin, "fr-FR")
	pauline.withAuthenticator()
	pauline.signIn(d.button("pauline.mercier"))

	t.Log("She makes a passkey on her own page: she has just proved a strong factor.")
	pauline.open("/sessions")
	pauline.click("form[action='/.poterne/passkey'] button")
	pauline.says("h1", "Ajouter une clé d’accès")
	pauline.keep("making")
	if status := pauline.click("form[data-passkey] button.main"); status != http.StatusOK {
		t.Fatalf("making it: status %d", status)
	}
	pauline.says("main", "La clé d’accès est créée", "Ma clé d’accès")
	pauline.keep("own")

	t.Log("She is stopped, and confirms with it.")
	for n := range 3 {
		if status := pauline.open(d.file(d.stranger(n))); status != http.StatusOK {
			t.Fatalf("stranger %d of 3: status %d", n+1, status)
		}
	}
	fourth := d.file(d.stranger(3))
	if status := pauline.open(fourth); status != http.StatusForbidden {
		t.Fatalf("the fourth stranger: status %d", status)
	}
	pauline.click("form[action='/.poterne/step-up'] button")
	pauline.says("h1", "Confirmez avec votre clé d’accès")
	pauline.keep("asked")
	if status := pauline.click("form[data-passkey] button.main"); status != http.StatusOK {
		t.Fatalf("back on the file: status %d", status)
	}
	pauline.arrivesAt(fourth)
	if pauline.count("article.file") != 1 {
		t.Error("the file did not open")
	}

	t.Log("The NIR in it is masked. She asks for this one, and the file shows it once.")
	if nir := pauline.evaluate(nirInFile); nir != "•••" {
		t.Fatalf("the NIR reads %q", nir)
	}
	pauline.open("/")
	pauline.click("a[href^='/nir?']")
	pauline.says("h1", "Montrer ce qui est masqué")
	pauline.click("form[action='/nir'] button.main")
	pauline.says("main", "ce qui est masqué d’une seule personne")
	pauline.keep("nir-passkey")
	pauline.click("form[data-passkey] button.main")
	pauline.says("main", "Ouvrez de nouveau ce dossier")
	pauline.open(d.file(d.stranger(2)))
	if nir := pauline.evaluate(nirInFile); nir != "•••" {
		t.Errorf("another file shows its NIR: %q", nir)
	}
	pauline.open(fourth)
	if nir := pauline.evaluate(nirInFile); !town.ValidNIR(nir) {
		t.Errorf("the NIR reads %q, and was asked for", nir)
	}
	pauline.open(fourth)
	if nir := pauline.evaluate(nirInFile); nir != "•••" {
		t.Errorf("once more the NIR reads %q", nir)
	}
	var made, used int
	for _, e := range entries(t, filepath.Join(d.dir, "poterne.db"), 0) {
		switch {
		case e.Kind == ledger.Enrolled && e.Account == "pauline.mercier" && e.Subject == e.Account:
			made++
		case e.Kind == ledger.SteppedUp && e.Account == "pauline.mercier" && e.Factor == "passkey" && !e.Digest.IsZero():
			used++
		}
	}
	if made != 1 || used != 2 {
		t.Errorf("%d passkeys made and %d used, by the ledger", made, used)
	}
}

// The identity provider is away, and whoever is signed in confirms with a passkey as before:
// nobody else is asked.
//
// Promise: ENTRY-6
func TestENTRY_6_APasskeyConfirmsWhileTheProviderIsAway(t *testing.T) {
	t.Parallel()
	application := httptest.NewServer(crowd())
	t.Cleanup(application.Close)
	h := newHouse(t, "application", map[string]string{
		"http://127.0.0.1:3000": application.URL, "adviser     = { hour = 20, month = 20 }": "adviser     = { hour = 2, month = 20 }",
	})
	h.serve()
	pauline := newScreen(t, h.origin, "fr-FR")
	pauline.withAuthenticator()
	pauline.signIn("0")
	pauline.open("/sessions")
	pauline.click("form[action='/.poterne/passkey'] button")
	pauline.click("form[data-passkey] button.main")
	pauline.says("main", "La clé d’accès est créée")

	if err := h.site.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.site.Browser(t.Context(), "marc.petit"); err == nil {
		t.Fatal("somebody signs in at a provider that is away")
	}
	for n := range 2 {
		if status := pauline.open("/people/files/" + crowdID(n)); status != http.StatusOK {
			t.Fatalf("stranger %d of 2: status %d", n+1, status)
		}
	}
	third := "/people/files/" + crowdID(2)
	if status := pauline.open(third); status != http.StatusForbidden {
		t.Fatalf("the third stranger: status %d", status)
	}
	pauline.click("form[action='/.poterne/step-up'] button")
	pauline.says("h1", "Confirmez avec votre clé d’accès")
	if status := pauline.click("form[data-passkey] button.main"); status != http.StatusOK {
		t.Errorf("back on the file: status %d", status)
	}
	pauline.arrivesAt(third)
	pauline.says("body", "Nom 2")
}
