package pggate

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The types that can name a person, as PostgreSQL numbers them. Of others, such as char(n) and
// citext, equal values have several texts.
const (
	typeInt8    = 20
	typeInt2    = 21
	typeInt4    = 23
	typeText    = 25
	typeVarchar = 1043
	typeUUID    = 2950
)

var naming = []uint32{typeInt8, typeInt2, typeInt4, typeText, typeVarchar, typeUUID}

// The formats of values.
const (
	asText   int16 = 0
	asBinary int16 = 1
)

var (
	errType  = errors.New("a value of this type, in this format, names nobody")
	errValue = errors.New("a value has not its type's one spelling")
)

var (
	wholeNumber = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,18})$`)
	uuidText    = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// identifier is the text of a value that names somebody: the one that the server gives it. A
// text that the server would take for this value, too, is refused: 04711 names whom 4711 does,
// and here they would be two people.
func identifier(of uint32, format int16, value []byte) (string, error) {
	if !slices.Contains(naming, of) {
		return "", errType
	}
	text := string(value)
	switch {
	case format == asText:
	case format != asBinary:
		return "", errType
	case of == typeInt2 && len(value) == 2:
		text = strconv.FormatInt(int64(int16(binary.BigEndian.Uint16(value))), 10)
	case of == typeInt4 && len(value) == 4:
		text = strconv.FormatInt(int64(int32(binary.BigEndian.Uint32(value))), 10)
	case of == typeInt8 && len(value) == 8:
		text = strconv.FormatInt(int64(binary.BigEndian.Uint64(value)), 10)
	case of == typeUUID && len(value) == 16:
		h := hex.EncodeToString(value)
		text = strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
	case of == typeText || of == typeVarchar:
	default:
		return "", errValue
	}
	switch of {
	case typeInt2, typeInt4, typeInt8:
		if !wholeNumber.MatchString(text) {
			return "", errValue
		}
	case typeUUID:
		if !uuidText.MatchString(text) {
			return "", errValue
		}
	}
	if text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return "", errValue
	}
	return text, nil
}

// formatOf is the format of one of n values, as a list of codes says it.
func formatOf(codes []int16, i int) int16 {
	switch len(codes) {
	case 0:
		return asText
	case 1:
		return codes[0]
	default:
		return codes[i]
	}
}

// formats reports whether a list of codes says the format of n values.
func formats(codes []int16, n int) bool {
	known := !slices.ContainsFunc(codes, func(code int16) bool { return code != asText && code != asBinary })
	return known && (len(codes) <= 1 || len(codes) == n)
}
