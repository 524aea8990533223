"""From runs to pictures: what there is to draw of a run, as data, and how each kind of picture is asked for."""
