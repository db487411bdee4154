// Brings each new question to the top of the conversation, so that a long answer is read from its beginning.
(() => {
  let seen = 0;
  new MutationObserver(() => {
    const questions = document.querySelectorAll(".kq-question");
    if (questions.length > seen) {
      questions[questions.length - 1].scrollIntoView({ block: "start" });
    }
    seen = questions.length;
  }).observe(document, { childList: true, subtree: true });
})();
