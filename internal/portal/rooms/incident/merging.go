package incident

import (
	"net/http"
	"slices"
	"strconv"

	"poterne/internal/fault"
	"poterne/internal/incident"
	"poterne/internal/ledger"
	"poterne/internal/portal"
)

// mergeable is another file, as a page leads to it.
type mergeable struct {
	Number                 ledger.Number
	Title, Reference, Path string
}

// merging says what a file can be merged into, is to be or was, and what was merged into it.
func (p *filePage) merging(v visit, f file) {
	names := incident.References(f.others, v.words.Zone)
	goal := f.Into
	if f.File.Merger != nil {
		goal, p.Merger, p.MayMerge = f.File.Merger.Into, v.labels.Account(f.File.Merger.By), f.File.Merger.By != v.Viewer.ID
	}
	for _, other := range f.others {
		one := mergeable{other.Number, other.Title, names[other.Number], file{File: other}.path()}
		if other.Number == goal {
			p.Target = one
		}
		if other.Number != f.Number && other.Closed.IsZero() && other.Exercise == f.Exercise {
			p.Others = append(p.Others, one)
		}
		if slices.Contains(f.Files, other.Number) {
			p.From = append(p.From, one)
		}
		if f.Played == other.Number {
			p.Rehearsal = &one
		}
	}
}

// escalate has an exercise go on as a real file, and shows that.
func (h *Handlers) escalate(v visit, f file) error {
	because := portal.Tidy(v.PostFormValue("escalate-because"))
	if wrong := portal.MendTyped("escalate-because", because); len(wrong) > 0 {
		return h.show(v, f, http.StatusUnprocessableEntity, fileForm{}, wrong)
	}
	number, err := h.deps.Files.Escalate(v.Context(), incident.Escalate{File: f.Number, By: v.Viewer.ID, Because: because})
	if err != nil {
		return err
	}
	v.Back(file{File: incident.File{Number: number}}.path())
	return nil
}

// merging proposes that a file be merged into another.
func (h *Handlers) merging(v visit, f file) error {
	form := fileForm{Into: v.PostFormValue("into"), Because: portal.Tidy(v.PostFormValue("merging-because"))}
	into, wrong := numberOf(form.Into), portal.MendTyped("merging-because", form.Because)
	if !slices.ContainsFunc(f.others, func(other incident.File) bool {
		return other.Number == into && other.Number != f.Number && other.Closed.IsZero() && other.Exercise == f.Exercise
	}) {
		wrong = append(wrong, portal.Wrong{Field: "into", Key: "incident.choose"})
	}
	if len(wrong) > 0 {
		return h.show(v, f, http.StatusUnprocessableEntity, form, wrong)
	}
	return h.do(v, f, &incident.MergeProposal{Into: into, Because: form.Because})
}

// merge merges a file as another person proposed, with the people of both counted anew, and
// shows the file that goes on.
func (h *Handlers) merge(v visit, f file) error {
	if h.deps.Index == nil {
		return errNoIndex
	}
	goal := numberOf(v.PostFormValue("into"))
	i := slices.IndexFunc(f.others, func(other incident.File) bool { return other.Number == goal })
	if i < 0 || f.File.Merger == nil || f.File.Merger.Into != goal {
		return &fault.Error{Kind: fault.Refused, Public: "somebody proposes first that this file be merged into another"}
	}
	into := f.others[i]
	if f.Altered != 0 || h.deps.Files.Check(v.Context(), into) != nil {
		return &fault.Error{Kind: fault.Refused, Public: "one of the two files is not as the ledger says: nothing is merged"}
	}
	count, err := h.counted(v, append(into.Scopes(), f.Scopes()...))
	if err != nil {
		return err
	}
	err = h.deps.Files.Merge(v.Context(), incident.Merge{
		File: f.Number, Into: into.Number, By: v.Viewer.ID, Reference: incident.References(f.others, v.words.Zone)[into.Number], Count: count,
	})
	if err != nil {
		return err
	}
	v.Back(path + "/" + strconv.FormatUint(uint64(into.Number), 10))
	return nil
}
