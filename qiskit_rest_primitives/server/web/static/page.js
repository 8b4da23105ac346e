// What the page becomes: workloads, or the contract of the API. Head and navigation are the same.

import(document.location.pathname.endsWith("/docs") ? "./docs.js" : "./app.js");
