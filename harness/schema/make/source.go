package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// module is what import paths of this repository begin with.
const module = "github.com/ceteris/ceteris/"

// source reads what reflection does not know: comments, and the values that a
// type of words has.
type source struct {
	root     string
	packages map[string][]*ast.File // by import path
}

// files parses a package of this repository, once.
func (s *source) files(pkg string) ([]*ast.File, error) {
	if files, ok := s.packages[pkg]; ok {
		return files, nil
	}
	below, ours := strings.CutPrefix(pkg, module)
	if !ours {
		return nil, nil
	}
	paths, err := filepath.Glob(filepath.Join(s.root, below, "*.go"))
	if err != nil {
		return nil, err
	}
	set, files := token.NewFileSet(), []*ast.File(nil)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no source of %s below %s", pkg, s.root)
	}
	if s.packages == nil {
		s.packages = map[string][]*ast.File{}
	}
	s.packages[pkg] = files
	return files, nil
}

// comment is what is written at a type, or at one of its fields; "" where nothing
// is.
func (s *source) comment(t reflect.Type, field string) (string, error) {
	files, err := s.files(t.PkgPath())
	if err != nil {
		return "", err
	}
	text := ""
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			d, ok := n.(*ast.GenDecl)
			if !ok || d.Tok != token.TYPE {
				return true
			}
			for _, spec := range d.Specs {
				if x := spec.(*ast.TypeSpec); x.Name.Name == t.Name() {
					text = commentAt(x, d, field)
				}
			}
			return false
		})
	}
	return plain(text), nil
}

// commentAt is the comment at a type, or at the field of a struct.
func commentAt(x *ast.TypeSpec, d *ast.GenDecl, field string) string {
	if field == "" {
		if x.Doc != nil {
			return x.Doc.Text()
		}
		return d.Doc.Text()
	}
	st, ok := x.Type.(*ast.StructType)
	if !ok {
		return ""
	}
	for _, f := range st.Fields.List {
		for _, name := range f.Names {
			if name.Name == field {
				return strings.TrimSpace(f.Doc.Text() + " " + f.Comment.Text())
			}
		}
	}
	return ""
}

var link = regexp.MustCompile(`\[([A-Za-z]+(\.[A-Za-z]+)*)\]`)

// plain is a comment without its links to other names, in one line.
func plain(text string) string {
	return strings.Join(strings.Fields(link.ReplaceAllString(text, "$1")), " ")
}

// words are the constants of a type of strings, sorted; nil where there are none.
func (s *source) words(t reflect.Type) (words []string, err error) {
	files, err := s.files(t.PkgPath())
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		for _, decl := range f.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.CONST {
				continue
			}
			for _, spec := range d.Specs {
				x := spec.(*ast.ValueSpec)
				if id, ok := x.Type.(*ast.Ident); !ok || id.Name != t.Name() {
					continue
				}
				for _, v := range x.Values {
					lit, ok := v.(*ast.BasicLit)
					if !ok {
						return nil, fmt.Errorf("%v: a constant that is no literal", t)
					}
					word, err := strconv.Unquote(lit.Value)
					if err != nil {
						return nil, err
					}
					words = append(words, word)
				}
			}
		}
	}
	slices.Sort(words)
	return slices.Compact(words), nil
}
