package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
)

// column is a column of a CSV file, and where its values go.
type column struct {
	name string
	set  func(*desk.Command, string)
}

// columns are those that a file may have, in any order, named as in JSON. Only order_id must be there.
var columns = []column{
	{"action", func(c *desk.Command, v string) { c.Action = v }},
	{"order_id", func(c *desk.Command, v string) { c.OrderID = v }},
	{"trader_id", func(c *desk.Command, v string) { c.TraderID = v }},
	{"symbol", func(c *desk.Command, v string) { c.Symbol = v }},
	{"side", func(c *desk.Command, v string) { c.Side = v }},
	{"order_type", func(c *desk.Command, v string) { c.OrderType = v }},
	{"tif", func(c *desk.Command, v string) { c.TIF = v }},
	{"quantity", func(c *desk.Command, v string) { c.Quantity = quantityOf(v) }},
	{"price", func(c *desk.Command, v string) { c.Price = desk.Decimal(v) }},
	{"display_quantity", func(c *desk.Command, v string) { c.Display = quantityOf(v) }},
	{"trigger_price", func(c *desk.Command, v string) { c.Trigger = desk.Decimal(v) }},
	{"prevention", func(c *desk.Command, v string) { c.Prevention = v }},
	{"time", func(c *desk.Command, v string) { c.Time = v }},
	{"phase", func(c *desk.Command, v string) { c.Phase = v }},
}

// quantityOf is the quantity of a cell, with the meaning it has in JSON: none, a whole number, or one
// that no check lets pass.
func quantityOf(cell string) desk.Quantity {
	if cell == "" {
		return 0
	}
	n, err := strconv.ParseInt(cell, 10, 64)
	if err != nil || n == 0 {
		return desk.Unreadable
	}
	return desk.Quantity(n)
}

// splitTable cuts a CSV file into its rows and says how to read one. A row is a line: no field of a
// command has a line break, and so a quote that is never closed costs its own line only.
func splitTable(data []byte) ([]row, func([]byte) (desk.Command, error), error) {
	rows := splitLines(data)
	if len(rows) == 0 {
		return nil, nil, errors.New("the file is empty, want a header")
	}
	header, err := cells(rows[0].text)
	if err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	set, err := columnsOf(header)
	if err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	return rows[1:], func(text []byte) (desk.Command, error) { return commandOf(text, set) }, nil
}

func cells(line []byte) ([]string, error) {
	r := csv.NewReader(bytes.NewReader(line))
	r.FieldsPerRecord = -1 // said by commandOf, with what was expected
	found, err := r.Read()
	var broken *csv.ParseError
	if errors.As(err, &broken) {
		err = broken.Err
	}
	for i := range found {
		found[i] = strings.TrimSpace(found[i])
	}
	return found, err
}

func columnsOf(header []string) ([]column, error) {
	var names []string
	for _, c := range columns {
		names = append(names, c.name)
	}
	found := make([]column, 0, len(header))
	for i, name := range header {
		at := slices.Index(names, name)
		if at < 0 {
			return nil, fmt.Errorf("unknown column %q, want some of %s", console.Clip(name, 40), strings.Join(names, ", "))
		}
		if slices.Contains(header[:i], name) {
			return nil, fmt.Errorf("column %q stands there twice", name)
		}
		found = append(found, columns[at])
	}
	if !slices.Contains(header, "order_id") {
		return nil, errors.New(`column "order_id" is missing`)
	}
	return found, nil
}

func commandOf(line []byte, set []column) (c desk.Command, err error) {
	if !utf8.Valid(line) {
		return c, errors.New("this is no UTF-8")
	}
	values, err := cells(line)
	if err != nil {
		return c, err
	}
	if len(values) != len(set) {
		return c, fmt.Errorf("the row has %s, want %d", console.Plural(len(values), "field"), len(set))
	}
	for i, v := range values {
		set[i].set(&c, v)
	}
	return c, nil
}
