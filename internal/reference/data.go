package reference

import "github.com/starhost/starhost/action"

// Data is the reference for programs.
type Data struct {
	Words   []Word  `json:"words,omitempty"`
	Phases  []Phase `json:"phases,omitempty"`
	Context []Field `json:"ctx,omitempty"`
}

// Word is one word.
type Word struct {
	Name       string        `json:"name"`
	Signature  string        `json:"signature"`
	Effect     action.Effect `json:"effect"`
	Doc        string        `json:"doc"`
	Parameters []Parameter   `json:"parameters"`
	Returns    string        `json:"returns"`
	Fields     []Field       `json:"fields,omitempty"` // of the struct that it returns
	Example    string        `json:"example"`
}

// Parameter is one parameter of a word.
type Parameter struct {
	Name     string `json:"name"`
	Kind     string `json:"kind"` // positional, rest, keyword or any keyword
	Type     string `json:"type"`
	Required bool   `json:"required"`
	Default  string `json:"default,omitempty"` // in the syntax of scripts
	Doc      string `json:"doc"`
}

// Phase is one phase.
type Phase struct {
	Name     string `json:"name"`
	Required bool   `json:"required"`
	Doc      string `json:"doc"`
	May      string `json:"may"`
	Returns  string `json:"returns"`
}

// Field is one field of a struct.
type Field struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Doc  string `json:"doc"`
}

// All is the whole reference.
func All() Data {
	d := Data{Context: fields(action.ContextFields)}
	for i := range action.Specs {
		d.Words = append(d.Words, word(&action.Specs[i]))
	}
	for _, p := range action.PhaseSpecs {
		d.Phases = append(d.Phases, phaseData(&p))
	}
	return d
}

// One is what there is of one name, as for [Topic].
func One(name string) (d Data, ok bool) {
	if s := action.LookupSpec(name); s != nil {
		d.Words = []Word{word(s)}
	}
	for _, s := range module(name) {
		d.Words = append(d.Words, word(s))
	}
	if p := phase(name); p != nil {
		d.Phases = []Phase{phaseData(p)}
	}
	if name == contextTopic {
		d.Context = fields(action.ContextFields)
	}
	return d, len(d.Words)+len(d.Phases)+len(d.Context) > 0
}

func word(s *action.Spec) Word {
	w := Word{
		Name: s.Name, Signature: Signature(s), Effect: s.Effect, Doc: s.Doc, Parameters: []Parameter{},
		Returns: s.Returns, Fields: fields(record(s)), Example: s.Example,
	}
	for _, p := range s.Params {
		w.Parameters = append(w.Parameters, Parameter{p.Name, kind(p), p.Type.Name, p.Required, p.Default, p.Doc})
	}
	return w
}

func kind(p action.Param) string {
	switch {
	case p.Rest:
		return "rest"
	case p.AnyName:
		return "any keyword"
	case p.KeywordOnly:
		return "keyword"
	}
	return "positional"
}

func phaseData(p *action.PhaseSpec) Phase {
	return Phase{p.Name, p.Required, p.Doc, p.May, p.Returns}
}

func fields(list []action.Field) (out []Field) {
	for _, f := range list {
		out = append(out, Field{f.Name, f.Type.Name, f.Doc})
	}
	return out
}
