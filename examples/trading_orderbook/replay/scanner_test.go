package replay

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The scanner is pure and its fields are private: this is the one white-box
// test of the package.

var jsonLines = []string{
	`{}`, `{"op":"new","id":"o1","trader":"t1","symbol":"AAPL","side":"BUY","type":"LIMIT","tif":"GTC","qty":100,"price":"150.25"}`,
	` { "a" : [ 1 , -0.5e+10 , true , false , null , { } , [ ] , "x" ] } `, `{"a":{"b":{"c":[[[]]]}}}`,
	`{"a":"é\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t"}`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.1}`, `{"a":1e}`, `{"a":1e+}`, `{"a":+1}`,
	`{"a":tru}`, `{"a":nul}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{"a":[1,]}`, `{"a":[1 2]}`, `{"a":"\u12"}`, `{"a":"\u12g4"}`,
	`{"a":"` + "\x01" + `"}`, `{"a":"` + "\xff" + `"}`, `{"a":"x}`, `{"a":"x\"}`, `{"a":"\`, `{`, ``, `[`, `{"a":[`, "{\"a\":1}\n", `{"a":1}x`,
	`{"a":"\ud800"}`, `{"a":"\ud800\u0041"}`, `{"a":"\udc00"}`, `{"a":"\ud83dx"}`, `{"op":1,"op":2}`, `{"x":1,"x":2}`, "{\"a\":\"\u2028\"}", "\v{}", "\ufeff{}",
}

// FuzzScanner holds the scanner against encoding/json. It may refuse more, for
// the reasons that the package comment names, and never accept more.
func FuzzScanner(f *testing.F) {
	for _, line := range jsonLines {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var got fields
		read := got.read(line)
		var want map[string]json.RawMessage
		valid := json.Unmarshal(line, &want) == nil && want != nil
		if read {
			require.True(t, valid, "%q is no JSON object", line)
			sameFields(t, &got, want)
			return
		}
		require.False(t, valid && !mayRefuse(line), "%q is a JSON object and was refused", line)
	})
}

// mayRefuse reports whether the scanner has its own reason to refuse line.
func mayRefuse(line []byte) bool {
	opening := bytes.Count(line, []byte("{")) + bytes.Count(line, []byte("["))
	return !utf8.Valid(line) || opening >= maxDepth || bytes.Contains(bytes.ToLower(line), []byte(`\ud`)) || repeats(line)
}

// repeats reports whether a key of the outermost object stands twice.
func repeats(line []byte) bool {
	decoder := json.NewDecoder(bytes.NewReader(line))
	seen := map[string]bool{}
	if _, err := decoder.Token(); err != nil {
		return false
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return false
		}
		if name, ok := key.(string); ok && seen[name] {
			return true
		} else if ok {
			seen[name] = true
		}
		var rest json.RawMessage
		if decoder.Decode(&rest) != nil {
			return false
		}
	}
	return false
}

func sameFields(t *testing.T, got *fields, want map[string]json.RawMessage) {
	for _, key := range []string{"op", "id", "trader", "symbol", "side", "type", "tif", "qty", "price"} {
		raw, given := want[key]
		field := got.named([]byte(key))
		require.Equal(t, given, field.kind != absent, key)
		if !given {
			continue
		}
		require.Equal(t, kindOf(raw), field.kind, "%s: %s", key, raw)
		switch field.kind {
		case text:
			var s string
			require.NoError(t, json.Unmarshal(raw, &s))
			require.Equal(t, s, string(field.text))
		case integer:
			require.Equal(t, string(raw), string(field.text))
		}
	}
}

func kindOf(raw json.RawMessage) kind {
	switch c := raw[0]; {
	case c == '"':
		return text
	case c == 'n':
		return null
	case c == '-' || isDigit(c):
		if strings.ContainsAny(string(raw), ".eE") {
			return other
		}
		return integer
	default:
		return other
	}
}

func TestDeepNestingIsRefused(t *testing.T) {
	t.Parallel()
	nested := func(depth int) []byte {
		return []byte(`{"x":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`)
	}
	var f fields
	assert.True(t, f.read(nested(maxDepth-1)))
	assert.False(t, f.read(nested(maxDepth)))
	assert.False(t, f.read(nested(20_000)))
}

func TestAppendTextIsJSON(t *testing.T) {
	t.Parallel()
	for c := range rune(0x300) {
		want := "a" + string(c) + "b"
		var got string
		require.NoError(t, json.Unmarshal(appendText(nil, want), &got))
		assert.Equal(t, want, got)
	}
}
