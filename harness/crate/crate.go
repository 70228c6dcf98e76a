package crate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/result"
)

// File is where a crate's metadata is, below its directory.
const File = "ro-crate-metadata.json"

// What CITATION.cff says; a test holds the two together.
const (
	title      = "Ceteris: a benchmark suite that isolates the concurrency model of streaming brokers"
	author     = "The Ceteris contributors"
	repository = "https://github.com/ceteris/ceteris"
	licence    = "Apache-2.0"
	licenceURL = "https://www.apache.org/licenses/LICENSE-2.0"
)

type entity = map[string]any

// ref refers to another entity of the crate.
func ref(id string) entity { return entity{"@id": id} }

// Write writes the metadata of the result in dir, over what is there. Called when
// the report was made and before the sums are.
func Write(dir string) error {
	text, err := metadata(dir)
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, File+".tmp")
	if err := os.WriteFile(tmp, text, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, File))
}

// Verify makes the metadata again and compares; a result without them is sound.
func Verify(dir string) error {
	have, err := os.ReadFile(filepath.Join(dir, File))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	want, err := metadata(dir)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, want) {
		return fmt.Errorf("%s does not describe the files beside it", File)
	}
	return nil
}

// metadata is the metadata file's text.
func metadata(dir string) ([]byte, error) {
	r, err := result.Open(dir)
	if err != nil {
		return nil, err
	}
	files, err := list(dir)
	if err != nil {
		return nil, err
	}
	g := &graph{}
	g.add(entity{"@id": File, "@type": "CreativeWork", "conformsTo": ref("https://w3id.org/ro/crate/1.1"), "about": ref("./")})
	root, err := rootOf(r)
	if err != nil {
		return nil, err
	}
	g.add(root)
	made, measured := g.parts(root, files, r.Cells)
	g.context(r, made, measured)
	g.compact()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(entity{"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": g.entities})
	return b.Bytes(), err
}

// file is one file of a result.
type file struct {
	path  string // slash-separated, below the result
	bytes int64
}

// list is every file but the metadata, in lexical order. CHECKSUMS is among them
// whether it is there or not: it is written last.
func list(dir string) (files []file, err error) {
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if rel == "CHECKSUMS" || strings.HasPrefix(rel, File) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files = append(files, file{rel, info.Size()})
		return nil
	})
	return append(files, file{"CHECKSUMS", 0}), err
}

// rootOf is the result as a whole.
func rootOf(r *result.Run) (entity, error) {
	m := &r.Manifest
	var said struct {
		Question string `json:"question"`
		Headline string `json:"headline"`
		Hash     string `json:"result_hash"`
	}
	text, err := os.ReadFile(filepath.Join(r.Dir, "analysis.json"))
	if err == nil {
		err = json.Unmarshal(text, &said)
	}
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	description := fmt.Sprintf("What an experiment with Ceteris has left: %d of %d cells ran.", len(r.Cells), len(r.Planned))
	if said.Headline != "" {
		description = strings.TrimSpace(said.Question + "\n\n" + said.Headline)
	}
	root := entity{
		"@id": "./", "@type": "Dataset", "name": fmt.Sprintf("Ceteris, experiment %s, run of %s", m.Experiment, m.StartUTC),
		"description": description, "license": ref(licenceURL), "mentions": []entity{ref("#run"), ref("#report")},
	}
	root["datePublished"], _, _ = strings.Cut(m.StartUTC, "T")
	if said.Hash != "" {
		root["identifier"] = "ceteris-result:" + said.Hash
	}
	return root, nil
}

// graph is the entities, flat.
type graph struct{ entities []entity }

func (g *graph) add(e entity) { g.entities = append(g.entities, e) }

// compact writes lists of one as their element, and none as nothing.
func (g *graph) compact() {
	for _, e := range g.entities {
		for k, v := range e {
			switch list, _ := v.([]entity); {
			case list == nil:
			case len(list) == 1:
				e[k] = list[0]
			case len(list) == 0:
				delete(e, k)
			}
		}
	}
}

// id is a path as a reference.
func id(path string) string { return (&url.URL{Path: path}).String() }

// parts enters every file, those of a folder of figures, tables or a cell below
// the folder's own entity, and returns references to what was made from the run's
// files and to what the run has measured.
func (g *graph) parts(root entity, files []file, cells []*result.CellRecord) (made, measured []entity) {
	names := map[string]string{"figures/": "Figures", "tables/": "Tables"}
	for _, c := range cells {
		load := "closed loop"
		switch {
		case c.Probe > 0:
			load = fmt.Sprintf("probe %d at %g requests/s", c.Probe, c.LoadPerSec)
		case c.LoadPerSec > 0:
			load = fmt.Sprintf("%g requests/s", c.LoadPerSec)
		}
		name := fmt.Sprintf("Cell: %s, workload %s, durability %s, %s, block %d", c.Arm, c.Workload, c.Durability, load, c.Block)
		if c.Replicate {
			name += ", replicate"
		}
		names[fmt.Sprintf("blocks/%03d/%s/", c.Block, c.ID)] = name
	}
	folders, top := map[string]entity{}, []entity(nil)
	for _, f := range files {
		role := roleOf(f.path)
		e := entity{"@id": id(f.path), "@type": "File", "name": path.Base(f.path), "description": role.doc, "encodingFormat": role.format}
		if f.path != "CHECKSUMS" {
			e["contentSize"] = strconv.FormatInt(f.bytes, 10)
		}
		folder, part := path.Dir(f.path)+"/", ref(id(f.path))
		if name, ok := names[folder]; ok {
			d := folders[folder]
			if d == nil {
				d = entity{"@id": id(folder), "@type": "Dataset", "name": name, "hasPart": []entity(nil)}
				folders[folder] = d
				g.add(d)
				top = append(top, ref(id(folder)))
				if raw(f.path) {
					measured = append(measured, ref(id(folder)))
				} else {
					made = append(made, ref(id(folder)))
				}
			}
			d["hasPart"] = append(d["hasPart"].([]entity), part)
		} else {
			top = append(top, part)
			switch {
			case f.path == "experiment.yaml":
			case raw(f.path):
				measured = append(measured, part)
			default:
				made = append(made, part)
			}
		}
		g.add(e)
	}
	root["hasPart"] = top
	return made, measured
}

// context enters what is no file: the run, the report, the program, the machine,
// the authors, the licence.
func (g *graph) context(r *result.Run, made, measured []entity) {
	m := &r.Manifest
	run := entity{
		"@id": "#run", "@type": "CreateAction", "name": "The run of experiment " + m.Experiment, "startTime": m.StartUTC,
		"object": ref("experiment.yaml"), "instrument": []entity{ref("#ceteris"), ref("#host")}, "result": measured,
		"actionStatus": ref("http://schema.org/ActiveActionStatus"),
	}
	if events, err := result.ReadJournal(r.Dir); err == nil && r.Complete && len(events) > 0 {
		run["endTime"], run["actionStatus"] = events[len(events)-1].T, ref("http://schema.org/CompletedActionStatus")
	}
	g.add(run)
	g.add(entity{
		"@id": "#report", "@type": "CreateAction", "name": "The report, made by ceteris report",
		"object": measured, "instrument": ref("#ceteris"), "result": made,
	})
	version := m.Revision
	if version == "" {
		version = "of an unknown revision"
	}
	if m.Dirty {
		version += ", with changes"
	}
	g.add(entity{
		"@id": "#ceteris", "@type": "SoftwareApplication", "name": title, "url": repository, "version": version,
		"description": fmt.Sprintf("Made by %s; the SHA-256 of the program that ran is %s.", m.GoVersion, m.BinarySHA256),
		"author":      ref("#contributors"), "license": ref(licenceURL),
	})
	g.add(machine(&r.Env))
	g.add(entity{"@id": "#contributors", "@type": "Organization", "name": author})
	g.add(entity{
		"@id": licenceURL, "@type": "CreativeWork", "name": licence, "identifier": "https://spdx.org/licenses/" + licence,
		"description": "The licence of Ceteris, which its results carry unless whoever publishes one says otherwise.",
	})
}

// machine is the machine as a piece of equipment.
func machine(e *host.Env) entity {
	name := e.CPUModel
	if name == "" {
		name = "a machine of " + e.Arch
	}
	return entity{
		"@id": "#host", "@type": "IndividualProduct", "name": name,
		"description": fmt.Sprintf("Host class %s: CPUs %s of %s, %d MiB of memory, %s %s, file system %s. env.json has the rest.",
			e.Class, e.Allowed, e.Online, e.MemoryBytes>>20, e.OS, e.Kernel, e.Data.Filesystem),
	}
}
