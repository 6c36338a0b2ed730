package typed

import (
	"io"
	"os"
	"sync"
	"unicode/utf8"
)

// Printer prints to a terminal what is stored somewhere, whatever is in it: but for
// the ends of lines and tabs, it spells out what Printed does.
type Printer struct {
	to   io.Writer
	mu   sync.Mutex
	rest []byte // the beginning of a character, whose end is still to come
}

// NewPrinter returns a printer.
func NewPrinter(to io.Writer) *Printer { return &Printer{to: to} }

// IsFile reports whether what is printed stays on a disk.
func IsFile(out io.Writer) bool {
	if p, is := out.(*Printer); is {
		out = p.to
	}
	file, is := out.(*os.File)
	if !is {
		return false
	}
	about, err := file.Stat()
	return err == nil && about.Mode().IsRegular()
}

// Write implements io.Writer.
func (p *Printer) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := append(p.rest, text...)
	cut := len(all)
	for back := 1; back < utf8.UTFMax && back <= len(all); back++ {
		if tail := all[len(all)-back:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				cut = len(all) - back
			}
			break
		}
	}
	safe := make([]byte, 0, cut)
	for begin := 0; begin < cut; {
		end := begin
		for end < cut && all[end] != '\n' && all[end] != '\t' {
			end++
		}
		safe = append(safe, Printed(string(all[begin:end]))...)
		if end < cut {
			safe = append(safe, all[end])
			end++
		}
		begin = end
	}
	p.rest = append([]byte(nil), all[cut:]...)
	if _, err := p.to.Write(safe); err != nil {
		return 0, err
	}
	return len(text), nil
}
