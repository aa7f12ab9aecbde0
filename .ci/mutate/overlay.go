package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// errStale says that the code has moved on and the mutant has not.
var errStale = errors.New("stale")

// writeOverlay writes the mutated files into dir and returns the path of the
// JSON file that makes the go command see them in place of root's. Root itself
// is only read.
func writeOverlay(root, dir string, edits []edit) (string, error) {
	files, err := mutated(root, edits)
	if err != nil {
		return "", err
	}
	replace := make(map[string]string, len(files))
	for file, text := range files {
		// The ending must stay: the go command looks at the name of the copy too.
		copied := filepath.Join(dir, fmt.Sprintf("%d_%s", len(replace), filepath.Base(file)))
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, filepath.FromSlash(file))] = copied
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, overlay, 0o600)
}

// mutated returns the new text of every file that the edits touch.
func mutated(root string, edits []edit) (map[string]string, error) {
	files := make(map[string]string)
	for _, e := range edits {
		text, ok := files[e.file]
		if !ok {
			raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.file)))
			if errors.Is(err, os.ErrNotExist) {
				return nil, fmt.Errorf("%w: %s is gone", errStale, e.file)
			}
			if err != nil {
				return nil, err
			}
			text = string(raw)
		}
		text, err := apply(text, e)
		if err != nil {
			return nil, err
		}
		files[e.file] = text
	}
	return files, nil
}

// apply makes one edit. Whole lines are compared, so that "x++" is not found
// inside "max++"; indentation counts.
func apply(text string, e edit) (string, error) {
	lines := strings.Split(text, "\n")
	at := occurrences(lines, e.old)
	if len(at) != 1 {
		return "", fmt.Errorf("%w: old lines stand %d times in %s, want once: %q", errStale, len(at), e.file, e.old[0])
	}
	return strings.Join(slices.Replace(lines, at[0], at[0]+len(e.old), e.new...), "\n"), nil
}

// occurrences returns where part stands in lines, overlaps included.
func occurrences(lines, part []string) []int {
	var at []int
	for i := 0; i+len(part) <= len(lines); i++ {
		if slices.Equal(lines[i:i+len(part)], part) {
			at = append(at, i)
		}
	}
	return at
}
