package crate

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/internal/reference"
	"github.com/ceteris/ceteris/harness/result"
)

// begun is a run of which nothing but its beginning is there, and a file whose
// name needs escaping.
func begun(t *testing.T) string {
	t.Helper()
	m := &result.Manifest{Experiment: "demo", ExperimentText: "name: demo\n", Planned: []result.PlannedCell{{ID: "a"}}}
	r, err := result.Create(t.TempDir(), m, &host.Env{Class: host.ClassC, Arch: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.Dir, "almost 50%.txt"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	return r.Dir
}

// TestCrateKeepsTheSpecification checks what RO-Crate 1.1 says that a crate must
// be: the sections on its structure, the root data entity, data entities, and the
// appendix on JSON-LD.
func TestCrateKeepsTheSpecification(t *testing.T) {
	for name, dir := range map[string]string{"whole": reference.Copy(t), "begun": begun(t)} {
		t.Run(name, func(t *testing.T) {
			if err := Write(dir); err != nil {
				t.Fatal(err)
			}
			all := read(t, dir)
			descriptor := all["ro-crate-metadata.json"]
			if descriptor["@type"] != "CreativeWork" || refOf(descriptor["about"]) != "./" || refOf(descriptor["conformsTo"]) != "https://w3id.org/ro/crate/1.1" {
				t.Errorf("descriptor: %v", descriptor)
			}
			root := all["./"]
			if root["@type"] != "Dataset" || root["name"] == "" || root["description"] == "" {
				t.Errorf("root: %v", root)
			}
			date, _ := root["datePublished"].(string)
			if _, err := time.Parse(time.DateOnly, date); err != nil {
				t.Errorf("datePublished: %v", err)
			}
			if l := all[refOf(root["license"])]; l["name"] != "Apache-2.0" || l["description"] == nil {
				t.Errorf("license: %v", l)
			}
			reached := map[string]bool{}
			reach(all, "./", reached)
			files := 0
			for id, e := range all {
				kind := e["@type"]
				if kind == "File" || kind == "Dataset" {
					if !reached[id] {
						t.Errorf("%s is part of nothing", id)
					}
					files++
				}
			}
			check(t, dir, all)
			if name == "whole" && files < 250 {
				t.Errorf("%d data entities", files)
			}
		})
	}
}

// read reads a crate's entities by their id. The document must be flattened: every
// entity a child of the graph, with an id of its own and a type; what refers to
// one does nothing else; and what is referred to in the crate is there.
func read(t *testing.T, dir string) map[string]map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, File))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Context string           `json:"@context"`
		Graph   []map[string]any `json:"@graph"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Context != "https://w3id.org/ro/crate/1.1/context" {
		t.Errorf("@context %q", doc.Context)
	}
	all := map[string]map[string]any{}
	for _, e := range doc.Graph {
		id, _ := e["@id"].(string)
		if id == "" || e["@type"] == nil || all[id] != nil {
			t.Errorf("an entity without an id or type of its own: %v", e)
		}
		all[id] = e
	}
	for id, e := range all {
		for key, v := range e {
			list, isList := v.([]any)
			if !isList {
				list = []any{v}
			} else if len(list) < 2 {
				t.Errorf("%s: %s is a list of %d", id, key, len(list))
			}
			for _, v := range list {
				nested, ok := v.(map[string]any)
				if !ok {
					continue
				}
				to := refOf(v)
				if len(nested) != 1 || to == "" {
					t.Errorf("%s: %s holds an entity and no reference: %v", id, key, nested)
				}
				if all[to] == nil && !strings.HasPrefix(to, "http") {
					t.Errorf("%s: %s refers to %s, which is not there", id, key, to)
				}
			}
		}
	}
	return all
}

func refOf(v any) string {
	m, _ := v.(map[string]any)
	id, _ := m["@id"].(string)
	return id
}

// reach follows hasPart.
func reach(all map[string]map[string]any, id string, reached map[string]bool) {
	reached[id] = true
	parts, ok := all[id]["hasPart"].([]any)
	if !ok && all[id]["hasPart"] != nil {
		parts = []any{all[id]["hasPart"]}
	}
	for _, p := range parts {
		reach(all, refOf(p), reached)
	}
}

// check compares the files that are described with those that are there.
func check(t *testing.T, dir string, all map[string]map[string]any) {
	t.Helper()
	there := map[string]bool{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == File {
			return err
		}
		id := strings.NewReplacer("%", "%25", " ", "%20").Replace(path)
		there[id] = true
		e := all[id]
		if e["@type"] != "File" {
			t.Errorf("%s is not described", path)
			return nil
		}
		info, err := d.Info()
		if err == nil && path != "CHECKSUMS" && e["contentSize"] != strconv.FormatInt(info.Size(), 10) {
			t.Errorf("%s: size %v", path, e["contentSize"])
		}
		if strings.Contains(e["description"].(string), "no role") && !strings.HasPrefix(path, "almost") {
			t.Errorf("%s has no role", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, e := range all {
		if e["@type"] == "File" && !there[id] && id != "CHECKSUMS" {
			t.Errorf("%s is described and not there", id)
		}
	}
}

func TestVerify(t *testing.T) {
	dir := reference.Copy(t)
	// The reference may have a crate or, as results of older versions, none.
	if err := os.Remove(filepath.Join(dir, File)); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := Verify(dir); err != nil {
		t.Errorf("a result of an older version: %v", err)
	}
	if err := Write(dir); err != nil {
		t.Fatal(err)
	}
	if err := Verify(dir); err != nil {
		t.Error(err)
	}
	if err := Verify(dir + "/."); err != nil {
		t.Errorf("by another name: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "more.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Verify(dir); err == nil || !strings.Contains(err.Error(), "ro-crate-metadata.json") {
		t.Errorf("a file more: %v", err)
	}
}

// TestCitation: the crate names what CITATION.cff names.
func TestCitation(t *testing.T) {
	text, err := os.ReadFile("../../CITATION.cff")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Title      string
		Authors    []struct{ Name string }
		Repository string `yaml:"repository-code"`
		License    string
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	if c.Title != title || len(c.Authors) != 1 || c.Authors[0].Name != author || c.Repository != repository || c.License != licence {
		t.Errorf("CITATION.cff: %+v", c)
	}
}

// TestEveryFileHasARole: every file that results/README.md describes.
func TestEveryFileHasARole(t *testing.T) {
	text, err := os.ReadFile("../../results/README.md")
	if err != nil {
		t.Fatal(err)
	}
	top, cell, found := strings.Cut(string(text), "## A cell")
	if !found {
		t.Fatal("results/README.md has no section about cells")
	}
	names := regexp.MustCompile("(?m)^\\| (`[^|]*`)")
	seen := 0
	for below, section := range map[string]string{"": top, "blocks/NNN/cell/": cell} {
		for _, row := range names.FindAllStringSubmatch(section, -1) {
			for _, name := range strings.Split(row[1], ", ") {
				name = strings.ReplaceAll(strings.Trim(name, "`"), "<class>", "metadata")
				if strings.HasSuffix(name, "/") || strings.HasPrefix(name, "-") || name == File {
					continue
				}
				seen++
				if r := roleOf(below + name); r.pattern == "" {
					t.Errorf("%s%s has no role", below, name)
				}
			}
		}
	}
	if doc := roleOf("blocks/000/cell/probe.hlog").doc; !strings.Contains(doc, "independent client") {
		t.Errorf("probe.hlog: %s", doc)
	}
	if seen < 20 {
		t.Errorf("%d files in results/README.md: it is not read as it is written", seen)
	}
}
