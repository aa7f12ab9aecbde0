// Command ladder shows which package of the module imports which, and fails
// when an import does not go down.
//
// Every package stands on a rung (see rules.go). Its code and its tests may
// import what stands on a lower rung, nothing above them, and beside them only
// what rules.go names. A test helper shares the rung of the package that it
// helps with, and is there for tests alone. Some modules from outside have one
// door each: proto.actor is imported by actors/host only, a Redis client only
// by the leaf packages that talk to Redis and by programs. A folder that is on
// no rung fails too: a new one is placed by a line in rules.go and a reason in
// its review.
//
//	go run ./.ci/ladder
//
// # Decisions
//
// Imports of tests are judged like imports of code. Alternative: let tests
// reach upward, as Go does. A test that needs the room above it tests that
// room, and a package whose tests need the engine cannot be tested without it.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ladder:", err)
		os.Exit(1)
	}
}

func run(out io.Writer) error {
	module, err := modulePath()
	if err != nil {
		return err
	}
	pkgs, err := listPackages(module)
	if err != nil {
		return err
	}
	if err := show(out, pkgs); err != nil {
		return err
	}
	faults := check(pkgs)
	for _, f := range faults {
		fmt.Fprintln(out, f)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%d imports or packages are where they may not be", len(faults))
	}
	fmt.Fprintf(out, "%d packages, every import goes down\n", len(pkgs))
	return nil
}

// pkg is one package of the module.
type pkg struct {
	folder string // slash-separated, relative to the module
	code   []dep  // imported by the package itself
	test   []dep  // imported by its tests, inside and outside of the package
}

// dep is one import: a folder of the module, or a path from outside.
type dep struct {
	path string
	ours bool
}

// check returns one line per fault, in the order of the packages.
func check(pkgs []pkg) []string {
	var faults []string
	for _, p := range pkgs {
		from, ok := roomOf(p.folder)
		if !ok {
			faults = append(faults, fmt.Sprintf("%s: on no rung; give it a place in .ci/ladder/rules.go", p.folder))
			continue
		}
		faults = append(faults, checkDeps(p.folder, from, p.code, false)...)
		faults = append(faults, checkDeps(p.folder, from, p.test, true)...)
	}
	return faults
}

func checkDeps(folder string, from room, deps []dep, inTest bool) []string {
	var faults []string
	for _, d := range deps {
		fault := judgeDep(folder, from, d, inTest)
		if fault == "" {
			continue
		}
		who := folder
		if inTest {
			who += " (test)"
		}
		faults = append(faults, fmt.Sprintf("%s imports %s: %s", who, d.path, fault))
	}
	return faults
}

func judgeDep(folder string, from room, d dep, inTest bool) string {
	if !d.ours {
		return judgeOutside(folder, d.path)
	}
	to, ok := roomOf(d.path)
	if !ok {
		return "" // Reported once, at the package itself.
	}
	return judge(from, to, inTest)
}

// show prints the ladder, highest rung first, with what the code imports.
func show(out io.Writer, pkgs []pkg) error {
	sorted := slices.Clone(pkgs)
	slices.SortStableFunc(sorted, func(a, b pkg) int { return rungNumber(b) - rungNumber(a) })
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RUNG\tPACKAGE\tIMPORTS")
	for _, p := range sorted {
		rung := "?"
		if n := rungNumber(p); n >= 0 {
			rung = fmt.Sprint(n)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", rung, p.folder, strings.Join(oursOf(p.code), " "))
	}
	return table.Flush()
}

// rungNumber is -1 for a package without a place.
func rungNumber(p pkg) int {
	r, ok := roomOf(p.folder)
	if !ok {
		return -1
	}
	return r.rung
}

func oursOf(deps []dep) []string {
	var folders []string
	for _, d := range deps {
		if d.ours {
			folders = append(folders, d.path)
		}
	}
	return folders
}

func modulePath() (string, error) {
	out, err := goCommand("list", "-m")
	return strings.TrimSpace(string(out)), err
}

// listPackages asks the go command, so that build constraints and generated
// files are seen as the compiler sees them.
func listPackages(module string) ([]pkg, error) {
	out, err := goCommand("list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	if err != nil {
		return nil, err
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		err := dec.Decode(&l)
		if errors.Is(err, io.EOF) {
			return pkgs, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read go list: %w", err)
		}
		pkgs = append(pkgs, pkg{
			folder: folderOf(module, l.ImportPath),
			code:   depsOf(module, l.Imports),
			test:   depsOf(module, append(l.TestImports, l.XTestImports...)),
		})
	}
}

// folderOf names the package at the module's root ".".
func folderOf(module, path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

// depsOf sorts paths into ours and others, each once.
func depsOf(module string, paths []string) []dep {
	slices.Sort(paths)
	var deps []dep
	for _, path := range slices.Compact(paths) {
		ours := path == module || strings.HasPrefix(path, module+"/")
		if ours {
			path = folderOf(module, path)
		}
		deps = append(deps, dep{path: path, ours: ours})
	}
	return deps
}

func goCommand(args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}
