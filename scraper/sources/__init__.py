"""Where URLs come from: `lists` reads them in slices, `forms` sees what is no list of URLs."""
