package portal

import (
	"io/fs"
	"net/http"
)

// Apart writes pages for readers who have no account, on a host name of their own.
type Apart struct{ Writer }

// Apart reads page files, below pages/. It panics when one cannot be read.
func (p *Pages) Apart(files fs.FS) Apart { return Apart{Writer{p, p.read(files, "pages/*.html")}} }

// Page begins a page; its title is said by key.
func (a Apart) Page(r *http.Request, title string, pairs ...any) Page {
	return a.pages.page(r, Viewer{}, title, pairs...)
}

// Speaker speaks the reader's language.
func (a Apart) Speaker(r *http.Request) Speaker { return a.pages.speakers[languageOf(r)] }

// Write writes a page, whole or not at all.
func (a Apart) Write(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	a.pages.write(w, r, a.read, status, name, data)
}

// Protect sets the headers that every answer has.
func (a Apart) Protect(w http.ResponseWriter) {
	a.pages.protect(w)
	w.Header().Set("Cache-Control", "no-store")
}

// Back sends the browser on by GET to a path of this origin.
func (a Apart) Back(w http.ResponseWriter, to string) { back(w, to) }

// Settings are what the pages were made with.
func (a Apart) Settings() Settings { return a.pages.settings }
