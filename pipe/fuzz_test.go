package pipe

import "testing"

// FuzzDecode feeds the decoder what a worker could send. What it takes can be sent
// on and is the same then.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		`{"ready":{"features":{"seccomp":""}}}`,
		`{"module":{"name":"lib.star"}}`,
		`{"loaded":{"info":{"Name":"x","SHA256":"","Doc":"","Settings":{"a":1.5},"Phases":["prescript"]}}}`,
		`{"do":{"sql":{"session":"main","query":"Q","params":[null,{"$bytes":"AA=="}]},"hold":"h","scope":"server","undo":[{"any_of":[{"exec":{"user":"u","argv":["/x"],"stdin":null,"env":{"$secret":"s"}}}]}],"undo_given":true}}`,
		`{"print":{"pos":"x:1:1","text":"\ud800"}}`,
		`{"return":{"value":[[1],{"$$a":2}],"err":{"kind":"script","msg":"m","stack":[{"pos":"p","func":"f"}]}}}`,
		`{"job":{"name":"test","input":"AA=="}}`,
		`{"output":{"data":"AP8="}}`,
		`{"done":{"data":null,"err":{"kind":"memory","msg":"m","stack":null,"go_stack":"g"}}}`,
		`{"cancel":{"kind":"timeout","code":null,"message":""}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := decode(text, maxItems)
		if err != nil {
			return
		}
		if got.Do != nil {
			_ = checkAction(got.Do)
		}
		if got.Return != nil || got.Loaded != nil || got.Done != nil {
			_ = got.validate()
		}
		out, err := encode(got)
		if err != nil {
			return // longer than it came, by escapes
		}
		again, err := decode(out[header:], 0)
		if err != nil || again.name() != got.name() {
			t.Fatalf("%s became %s: %v", text, out[header:], err)
		}
		twice, err := encode(again)
		if err != nil || string(twice) != string(out) {
			t.Fatalf("%s became %s, %v", out[header:], twice, err)
		}
	})
}
