package httpgate

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// charsets are those that are read. What calls itself ISO 8859-1 is read as browsers
// do, by windows-1252.
var charsets = []string{"", "utf-8", "windows-1252", "iso-8859-1"}

// isText reports whether a content type has a charset. What has none is not touched,
// whatever charset its application says.
func isText(media string) bool {
	return strings.HasPrefix(media, "text/") || slices.ContainsFunc([]string{"/json", "+json", "/javascript", "/xml", "+xml", "/x-ndjson"}, func(end string) bool {
		return strings.HasSuffix(media, end)
	})
}

// charsetOf is the charset of an answer that does not say its own.
func (t *route) charsetOf(status int, media string) string {
	if by, read := t.readers(status)[media]; read {
		return by.Charset
	}
	return ""
}

// decodeText makes the body UTF-8. What it has no character for is not understood.
func (s *response) decodeText(usual string) error {
	charset := s.coded
	if s.media == xlsxMedia {
		return nil
	}
	if charset == "" {
		charset = usual
	}
	switch charset {
	case "", "utf-8", "us-ascii":
		return nil
	case "windows-1252", "cp1252", "iso-8859-1", "latin1":
	default:
		return notUnderstood("the charset of the response")
	}
	if slices.ContainsFunc(s.body(), func(c byte) bool { return c == 0x81 || c == 0x8d || c == 0x8f || c == 0x90 || c == 0x9d }) {
		return notUnderstood("the response is not in its charset")
	}
	const longest = 3 // bytes of a character in UTF-8
	if err := s.taken.Grow(longest * int64(len(s.body()))); err != nil {
		return err
	}
	text, err := charmap.Windows1252.NewDecoder().Bytes(s.body())
	if err != nil {
		return notUnderstood("the response is not in its charset")
	}
	putBuffer(s.buffer)
	s.buffer = bytes.NewBuffer(text)
	return nil
}
