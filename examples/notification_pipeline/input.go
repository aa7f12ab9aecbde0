package main

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// input is what a file holds: requests, and rows that are none. A row that can be read and makes no
// sense is a request all the same: the validate organ says what is wrong with it.
type input struct {
	requests []request
	bad      []error // each names its line
}

// request is a NOTIFICATION_REQUESTED to be, and where it comes from.
type request struct {
	NotificationRequested
	line int
}

//go:embed sample/notifications.json
var sampleNotifications []byte

// sampleInput is the built-in sample.
func sampleInput() (input, error) { return readJSON(sampleNotifications) }

// openInput reads notifications from a file whose name ends in .json or .csv. Its error is about the
// file as a whole.
func openInput(path string) (input, error) {
	data, err := readFile(path)
	if err != nil {
		return input{}, err
	}
	var in input
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".json":
		in, err = readJSON(data)
	case ".csv":
		in, err = readCSV(data)
	default:
		err = fmt.Errorf("its name ends in %q, want .json or .csv", ext)
	}
	if err != nil {
		return input{}, fmt.Errorf("file %q: %w", path, err)
	}
	return in, nil
}

func (in *input) refuse(line int, err error) {
	in.bad = append(in.bad, fmt.Errorf("line %d: %w", line, err))
}

const jsonForms = `want a list of notifications, or {"notifications": [...]}`

// readJSON reads a list of notifications, by itself or as "notifications" in an object. A row with a
// wrong type or an unknown field is bad; text that is no JSON ends the reading.
func readJSON(data []byte) (input, error) {
	data = bytes.TrimPrefix(data, utf8Mark)
	d, lines := json.NewDecoder(bytes.NewReader(data)), lineCounter{data: data}
	if err := openList(d); err != nil {
		return input{}, fmt.Errorf("line %d: %w", lines.after(d.InputOffset()), err)
	}
	var in input
	for d.More() {
		var row json.RawMessage
		line := lines.after(d.InputOffset())
		if err := d.Decode(&row); err != nil {
			in.refuse(line, fmt.Errorf("this is no JSON, and nothing after it was read: %w", err))
			return in, nil
		}
		n, err := decodeRow(row)
		if err != nil {
			in.refuse(line, err)
			continue
		}
		in.requests = append(in.requests, request{n, line})
	}
	if _, err := d.Token(); err != nil {
		in.refuse(lines.after(d.InputOffset()), fmt.Errorf("the list does not end: %w", err))
	}
	return in, nil
}

var utf8Mark = []byte("\xef\xbb\xbf")

// openList moves d to the first notification.
func openList(d *json.Decoder) error {
	token, err := d.Token()
	if err == nil && token == json.Delim('{') {
		if token, err = d.Token(); err == nil && token != "notifications" {
			return fmt.Errorf("the field %q, %s", token, jsonForms)
		}
		token, err = d.Token()
	}
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the file ends here, " + jsonForms)
	case err != nil:
		return err
	case token != json.Delim('['):
		return fmt.Errorf("%v, %s", token, jsonForms)
	default:
		return nil
	}
}

func decodeRow(row []byte) (NotificationRequested, error) {
	n := NotificationRequested{Priority: "normal"}
	d := json.NewDecoder(bytes.NewReader(row))
	d.DisallowUnknownFields()
	var wrong *json.UnmarshalTypeError
	err := d.Decode(&n)
	if errors.As(err, &wrong) {
		return n, fmt.Errorf("%s is a %s, want %s", wrong.Field, wrong.Value, wrong.Type)
	}
	return n, err
}

// lineCounter knows on which line of data something stands. It is asked from front to back, and counts
// each line once.
type lineCounter struct {
	data    []byte
	counted int
	breaks  int // before counted
}

// after is the line on which whatever comes after offset begins.
func (c *lineCounter) after(offset int64) int {
	rest := bytes.TrimLeft(c.data[offset:], ", \t\r\n")
	begin := len(c.data) - len(rest)
	c.breaks += bytes.Count(c.data[c.counted:begin], []byte{'\n'})
	c.counted = begin
	return 1 + c.breaks
}

// Columns of a CSV file. Only priority may be missing.
var columns = []string{"user_id", "channels", "message", "priority"}

// readCSV reads a table with a header; channels are separated by "|". A row with too few or
// too many fields is bad.
func readCSV(data []byte) (input, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, utf8Mark)))
	r.FieldsPerRecord = -1 // said below, with what was expected
	header, err := r.Read()
	if err != nil {
		return input{}, fmt.Errorf("header: %w", err)
	}
	at, err := columnsOf(header)
	if err != nil {
		return input{}, err
	}
	var in input
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return in, nil
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			in.refuse(broken.StartLine, broken.Err)
			continue
		}
		if err != nil {
			return in, err
		}
		line, _ := r.FieldPos(0)
		if len(row) != len(header) {
			in.refuse(line, fmt.Errorf("the row has %d fields, want %d", len(row), len(header)))
			continue
		}
		in.requests = append(in.requests, request{requestOf(row, at), line})
	}
}

// columnsOf finds where each column stands; -1 is nowhere.
func columnsOf(header []string) (map[string]int, error) {
	at := map[string]int{}
	for _, name := range columns {
		at[name] = slices.Index(header, name)
		if at[name] < 0 && name != "priority" {
			return nil, fmt.Errorf("header: column %q is missing, want %q", name, columns)
		}
	}
	for _, name := range header {
		if !slices.Contains(columns, name) {
			return nil, fmt.Errorf("header: unknown column %q, want %q", name, columns)
		}
	}
	return at, nil
}

func requestOf(row []string, at map[string]int) NotificationRequested {
	n := NotificationRequested{
		Recipient: Recipient{row[at["user_id"]]}, Message: row[at["message"]], Priority: "normal",
	}
	if list := row[at["channels"]]; list != "" {
		n.Channels = strings.Split(list, "|")
	}
	if i := at["priority"]; i >= 0 {
		n.Priority = row[i]
	}
	return n
}
