// Before anything is drawn: the theme that was chosen here before. Not a module, so that nothing flashes.
'use strict';
try {
  const chosen = localStorage.getItem('headrace-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch { /* a browser that keeps nothing */ }
