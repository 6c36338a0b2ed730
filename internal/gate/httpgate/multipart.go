package httpgate

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"poterne/internal/gate/address"
	"poterne/internal/policy"
)

// mostParts bounds a form.
const mostParts = 1000

// readMultipart understands a form with files, and writes it anew: two programs do not
// agree about every boundary and header, and the application sees what was read here.
// A file passes unread where its field and content type are declared.
func (q *request) readMultipart() (fields []address.Pair, err error) {
	unclear := unreadable("the form can be read in two ways")
	_, parameters, err := mime.ParseMediaType(q.header["Content-Type"][0])
	if err != nil || parameters["boundary"] == "" {
		return nil, unclear
	}
	var anew bytes.Buffer
	parts, out := multipart.NewReader(bytes.NewReader(q.body), parameters["boundary"]), multipart.NewWriter(&anew)
	for count := 0; ; count++ {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || count == mostParts {
			return nil, unclear
		}
		field, isFile, err := q.partHeader(part.Header)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(part)
		if err != nil {
			return nil, unclear
		}
		header := make(textproto.MIMEHeader)
		if isFile != nil {
			if err := q.fileFits(field, *isFile, part.Header, len(body)); err != nil {
				return nil, err
			}
			header.Set("Content-Disposition", disposition(field, *isFile))
			header.Set("Content-Type", mediaOfPart(part.Header))
		} else {
			odd := func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\r\n\t", r) }
			if !utf8.Valid(body) || bytes.ContainsFunc(body, odd) {
				return nil, unclear
			}
			fields = append(fields, address.Pair{Name: field, Value: string(body)})
			header.Set("Content-Disposition", `form-data; name="`+escaped(field)+`"`)
		}
		to, err := out.CreatePart(header)
		if err == nil {
			_, err = to.Write(body)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	q.body = anew.Bytes()
	q.header["Content-Type"] = []string{out.FormDataContentType()}
	return fields, nil
}

// partHeader is the name of a part's field, and of its file if it is one.
func (q *request) partHeader(header textproto.MIMEHeader) (field string, file *string, err error) {
	unclear := unreadable("the header of a part of the form")
	for name, values := range header {
		if len(values) != 1 || name != "Content-Disposition" && name != "Content-Type" {
			return "", nil, unclear
		}
	}
	kind, parameters, err := mime.ParseMediaType(header.Get("Content-Disposition"))
	if err != nil || kind != "form-data" || strings.Contains(header.Get("Content-Disposition"), "*=") { // a second spelling of a name
		return "", nil, unclear
	}
	named, isFile := parameters["filename"]
	field = parameters["name"]
	for name := range parameters {
		if name != "name" && name != "filename" {
			return "", nil, unclear
		}
	}
	if field == "" || !plainText(field) || !plainText(named) {
		return "", nil, unclear
	}
	if isFile {
		return field, &named, nil
	}
	if media := header.Get("Content-Type"); media != "" {
		if media, parameters, err := mime.ParseMediaType(media); err != nil || media != "text/plain" || parameters["charset"] != "" && !strings.EqualFold(parameters["charset"], "utf-8") {
			return "", nil, unclear
		}
	}
	return field, nil, nil
}

func plainText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// fileFits refuses a file that is not declared. A field in which no file was chosen is
// sent without a name, empty.
func (q *request) fileFits(field, name string, header textproto.MIMEHeader, size int) error {
	types, declared := q.route.files[field]
	switch {
	case !declared:
		return &objection{policy.UndeclaredField, "a file of the form"}
	case name == "" && size == 0, slices.Contains(types, mediaOfPart(header)):
		return nil
	default:
		return &objection{policy.UndeclaredBody, "the content type of a file of the form"}
	}
}

// mediaOfPart is the content type of a file; what says none is bytes.
func mediaOfPart(header textproto.MIMEHeader) string {
	if media, _, err := mime.ParseMediaType(header.Get("Content-Type")); err == nil {
		return media
	}
	return "application/octet-stream"
}

// disposition names a file without the folders that it lay in.
func disposition(field, file string) string {
	file = file[strings.LastIndexAny(file, `/\`)+1:]
	return `form-data; name="` + escaped(field) + `"; filename="` + escaped(file) + `"`
}

func escaped(text string) string {
	return strings.NewReplacer("\\", "%5C", `"`, "%22").Replace(text)
}
