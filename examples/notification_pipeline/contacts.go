package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// contact is where a user can be reached; a field is empty for a channel the user does not have.
type contact struct {
	Email  string `json:"email,omitempty"`
	Phone  string `json:"phone,omitempty"`
	Device string `json:"device,omitempty"`
}

// address is the contact's address for c, or "".
func (k contact) address(c channel) string {
	switch c {
	case email:
		return k.Email
	case sms:
		return k.Phone
	default:
		return k.Device
	}
}

// contacts finds the contact of a user; one who is not known has none.
type contacts func(userID string) contact

//go:embed sample/contacts.json
var sampleContacts []byte

// openContacts reads the table of the file at path; "" is the built-in one.
func openContacts(path string) (contacts, error) {
	data, name := sampleContacts, "built in"
	if path != "" {
		var err error
		if data, err = readFile(path); err != nil {
			return nil, fmt.Errorf("contacts: %w", err)
		}
		name = path
	}
	table := map[string]contact{}
	if err := json.Unmarshal(data, &table); err != nil {
		return nil, fmt.Errorf("contacts %q: want {\"user\": {\"email\": …, \"phone\": …, \"device\": …}, …}: %w", name, err)
	}
	return func(userID string) contact { return table[userID] }, nil
}

// maxFile is the largest input file, in bytes.
const maxFile = 64 << 20

var errFileTooLarge = errors.New("the file is too large")

// readFile reads a whole file, up to maxFile.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%q: %w: the limit is %d bytes", path, errFileTooLarge, maxFile)
	}
	return data, err
}
