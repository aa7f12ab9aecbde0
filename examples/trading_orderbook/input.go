package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/necrostack/necrostack/actors"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// input is what a file holds, in its order: commands, and rows that are none. A row that can be read
// and makes no sense is a command all the same: ValidateOrder says what is wrong with it.
type input struct {
	source string // in short
	items  []item
}

// item is one row: a desk.OrderSubmitted or a RowUnreadable.
type item struct {
	line    int
	payload actors.Payload
}

//go:embed sample/orders.json
var sampleOrders []byte

// sampleInput is the built-in sample.
func sampleInput() (input, error) { return readInput("sample.json", sampleOrders) }

// maxFile is the largest input file, in bytes.
const maxFile = 256 << 20

// openInput reads commands from a file whose name ends in .json, .csv or .jsonl. Its error is about
// the file as a whole.
func openInput(path string) (input, error) {
	f, err := os.Open(path)
	if err != nil {
		return input{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("the file is larger than %d bytes", maxFile)
	}
	var in input
	if err == nil {
		in, err = readInput(filepath.Base(path), data)
	}
	if err != nil {
		return input{}, fmt.Errorf("file %q: %w", path, err)
	}
	return in, nil
}

var utf8Mark = []byte("\xef\xbb\xbf")

// readInput reads the content of a file of that name.
func readInput(name string, data []byte) (input, error) {
	data = bytes.TrimPrefix(data, utf8Mark)
	var (
		rows []row
		err  error
	)
	read := decodeRow
	switch ext := strings.ToLower(filepath.Ext(name)); ext {
	case ".json":
		rows, err = splitList(data)
	case ".jsonl":
		rows = splitLines(data)
	case ".csv":
		rows, read, err = splitTable(data)
	default:
		err = fmt.Errorf("its name ends in %q, want .json, .csv or .jsonl", ext)
	}
	if err != nil {
		return input{}, err
	}
	in := input{source: strings.TrimSuffix(name, filepath.Ext(name)), items: make([]item, 0, len(rows))}
	if name != "sample.json" {
		in.source = name
	}
	seen := directory{}
	for _, r := range rows {
		in.items = append(in.items, item{r.line, in.payload(r, read, seen)})
	}
	return in, nil
}

// payload makes an event of a row, whatever it is.
func (in *input) payload(r row, read func([]byte) (desk.Command, error), seen directory) actors.Payload {
	var c desk.Command
	err := r.bad
	if err == nil {
		c, err = read(r.text)
	}
	if err != nil {
		return RowUnreadable{Source: in.source, Line: r.line, Text: string(clipBytes(r.text, maxRowText)), Error: err.Error()}
	}
	return desk.OrderSubmitted(seen.complete(c))
}

// decodeRow reads a JSON object. A field that is unknown, or stands there twice, is a mistake: of two
// quantities none is the right one.
func decodeRow(text []byte) (desk.Command, error) {
	var c desk.Command
	if !utf8.Valid(text) {
		return c, errors.New("this is no UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var wrong *json.UnmarshalTypeError
	if err := d.Decode(&c); errors.As(err, &wrong) {
		if wrong.Field == "" {
			return c, fmt.Errorf("this is a %s, want an object", wrong.Value)
		}
		return c, fmt.Errorf("%s is a %s, want a %s", wrong.Field, wrong.Value, wrong.Type)
	} else if err != nil {
		return c, errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if len(bytes.TrimSpace(text[d.InputOffset():])) > 0 {
		return c, errors.New("there is more on the line than one object")
	}
	return c, checkTwice(text)
}

// checkTwice reports a field of an object that stands there twice. The object is sound JSON.
func checkTwice(object []byte) error {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	seen := map[string]bool{}
	_, err := d.Token()
	for err == nil && d.More() {
		var name json.Token
		var value json.RawMessage
		if name, err = d.Token(); err != nil {
			break
		}
		field := strings.ToLower(fmt.Sprint(name))
		if seen[field] {
			return fmt.Errorf("%s stands there twice", field)
		}
		seen[field] = true
		err = d.Decode(&value)
	}
	return err
}

// clipBytes cuts text to n bytes, at the end of a character.
func clipBytes(text []byte, n int) []byte {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
