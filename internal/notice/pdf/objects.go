package pdf

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// write writes a document's objects: the catalogue, the pages, the structure, the fonts.
func (d *Document) write(w *writer, l *layout) {
	w.body.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	catalogue, tree, info, metadata, structure := w.reserve(1), w.reserve(1), w.reserve(1), w.reserve(1), w.reserve(1)
	pages, contents := w.reserve(len(l.pages)), w.reserve(len(l.pages))
	regular, bold := w.font(l.regular, "GoRegular"), w.font(l.bold, "GoBold")
	parents := w.reserve(1)

	var kids strings.Builder
	for i := range l.pages {
		fmt.Fprintf(&kids, "%d 0 R ", pages+i)
	}
	w.object(catalogue, "<</Type /Catalog /Pages %d 0 R /Lang %s /MarkInfo <</Marked true>> /StructTreeRoot %d 0 R /Metadata %d 0 R /ViewerPreferences <</DisplayDocTitle true>>>>",
		tree, written(d.Lang), structure, metadata)
	w.object(tree, "<</Type /Pages /Kids [%s] /Count %d>>", kids.String(), len(l.pages))
	w.object(info, "<</Title %s /Producer (Poterne) /CreationDate (%s)>>", written(d.Title), d.Made.UTC().Format("D:20060102150405Z"))
	w.metadata(metadata, d.Title, d.Made)
	for i, page := range l.pages {
		w.object(pages+i, "<</Type /Page /Parent %d 0 R /MediaBox [0 0 %.2f %.2f] /Tabs /S /StructParents %d /Contents %d 0 R /Resources <</Font <</R %d 0 R /B %d 0 R>>>>>>",
			tree, pageWidth, pageHeight, i, contents+i, regular, bold)
		w.stream(contents+i, "", w.packer.pack(page.Bytes()))
	}

	objects := make(map[*node]int)
	l.root.each(func(n *node) { objects[n] = w.reserve(1) })
	w.object(structure, "<</Type /StructTreeRoot /K [%d 0 R] /ParentTree %d 0 R /ParentTreeNextKey %d>>", objects[l.root], parents, len(l.pages))
	w.nodes(l.root, structure, objects, pages)
	var numbers strings.Builder
	for i, marked := range l.marks {
		fmt.Fprintf(&numbers, "%d [", i)
		for _, n := range marked {
			fmt.Fprintf(&numbers, "%d 0 R ", objects[n])
		}
		numbers.WriteString("] ")
	}
	w.object(parents, "<</Nums [%s]>>", numbers.String())
	w.end(catalogue, info)
}

// each yields an element and all below it.
func (n *node) each(yield func(*node)) {
	yield(n)
	for _, kid := range n.kids {
		kid.each(yield)
	}
}

// nodes writes the structure.
func (w *writer) nodes(n *node, parent int, objects map[*node]int, pages int) {
	var kids strings.Builder
	for _, id := range n.marked {
		fmt.Fprintf(&kids, "%d ", id)
	}
	for _, kid := range n.kids {
		fmt.Fprintf(&kids, "%d 0 R ", objects[kid])
	}
	on := ""
	if len(n.marked) > 0 {
		on = fmt.Sprintf(" /Pg %d 0 R", pages+n.page)
	}
	w.object(objects[n], "<</Type /StructElem /S /%s /P %d 0 R%s /K [%s]>>", n.tag, parent, on, kids.String())
	for _, kid := range n.kids {
		w.nodes(kid, objects[n], objects, pages)
	}
}

// font writes a font with what a reader needs to find its letters and their widths.
func (w *writer) font(f *face, name string) (number int) {
	number = w.reserve(5)
	descendant, descriptor, file, unicode := number+1, number+2, number+3, number+4
	used := slices.Sorted(maps.Keys(f.used))
	var widths, letters strings.Builder
	for _, g := range used {
		fmt.Fprintf(&widths, "%d [%d] ", g, f.advance(g))
		fmt.Fprintf(&letters, "<%04X> <%04X>\n", g, f.used[g])
	}
	w.object(number, "<</Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R>>", name, descendant, unicode)
	w.object(descendant, "<</Type /Font /Subtype /CIDFontType2 /BaseFont /%s /CIDSystemInfo <</Registry (Adobe) /Ordering (Identity) /Supplement 0>> /FontDescriptor %d 0 R /CIDToGIDMap /Identity /DW 500 /W [%s]>>",
		name, descriptor, widths.String())
	w.object(descriptor, "<</Type /FontDescriptor /FontName /%s /Flags 32 /FontBBox [-500 -300 1500 1100] /ItalicAngle 0 /Ascent 940 /Descent -210 /CapHeight 720 /StemV 90 /FontFile2 %d 0 R>>", name, file)
	w.stream(file, fmt.Sprintf(" /Length1 %d", len(f.file)), w.packer.pack(f.file))
	var unicodes bytes.Buffer
	fmt.Fprintf(&unicodes, "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n"+
		"/CMapName /Adobe-Identity-UCS def /CMapType 2 def 1 begincodespacerange <0000> <FFFF> endcodespacerange\n")
	for portion := range slices.Chunk(strings.SplitAfter(strings.TrimSuffix(letters.String(), "\n"), "\n"), 100) {
		fmt.Fprintf(&unicodes, "%d beginbfchar\n%s\nendbfchar\n", len(portion), strings.TrimSuffix(strings.Join(portion, ""), "\n"))
	}
	unicodes.WriteString("endcmap CMapName currentdict /CMap defineresource pop end end")
	w.stream(unicode, "", w.packer.pack(unicodes.Bytes()))
	return number
}

// metadata says what the document is, and that it is meant for everybody (PDF/UA-1).
func (w *writer) metadata(number int, named string, made time.Time) {
	var title strings.Builder
	_ = xml.EscapeText(&title, []byte(named)) // a builder takes everything
	xmp := fmt.Sprintf(`<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">%s</rdf:li></rdf:Alt></dc:title><xmp:CreateDate>%s</xmp:CreateDate><pdfuaid:part>1</pdfuaid:part></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`,
		title.String(), made.UTC().Format(time.RFC3339))
	w.plain(number, "<</Type /Metadata /Subtype /XML /Length %d>>\nstream\n%s\nendstream", len(xmp), xmp)
}
