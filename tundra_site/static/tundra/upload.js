// Send a file with a bar that moves: <form data-upload="where to"> with a file, a progress and a place to say so.
const upload = document.querySelector("[data-upload]");
upload.file.hasChangeListener = true; // unfold's own listener looks for what is only around its own fields
upload.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  const bar = form.querySelector("progress");
  const said = form.querySelector("[role=status]");
  const button = form.querySelector("button");
  const sent = new XMLHttpRequest();
  const failed = (why) => {
    said.textContent = why;
    bar.hidden = true;
    button.disabled = false;
  };
  sent.open("POST", form.dataset.upload);
  sent.setRequestHeader("X-CSRFToken", form.csrfmiddlewaretoken.value);
  sent.responseType = "json";
  sent.upload.onprogress = ({ loaded, total }) => {
    bar.value = (100 * loaded) / total;
    said.textContent = loaded < total ? `${Math.floor(bar.value)} %` : "The portal stores it …";
  };
  sent.onerror = () => failed("The connection was lost. Try again.");
  sent.onload = () => {
    if (sent.status === 200 && sent.response?.next) location.assign(sent.response.next);
    else failed(sent.response?.detail ?? `The portal answered ${sent.status}.`);
  };
  bar.hidden = false;
  button.disabled = true;
  const body = new FormData();
  body.append("file", form.file.files[0]);
  sent.send(body);
});
